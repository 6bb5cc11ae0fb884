"""The peers' consumers, each a process of its own: `peers.py NAME CONNINFO MODE`.

Prints "ready", waits for a line on standard input, then handles its queue: until it is empty (drain), or for ever (listen).
"""

import asyncio
import json
import sys

import psycopg

EFFECT = "INSERT INTO outbox_app_effect (number, key) VALUES (%s, %s)"


def ready():
    print("ready", flush=True)
    sys.stdin.readline()


def hand_written(conninfo, mode):
    """As little as a consumer can do: claim 50, one insert each, mark, commit."""
    with psycopg.connect(conninfo, prepare_threshold=0) as connection:
        connection.execute("SELECT 1")
        connection.commit()
        ready()
        while rows := connection.execute(
            "SELECT id, payload FROM bench_queue WHERE status = 'pending' ORDER BY id LIMIT 50 FOR UPDATE SKIP LOCKED"
        ).fetchall():
            for _, payload in rows:
                connection.execute(EFFECT, (payload["number"], payload["key"]))
            connection.execute(
                "UPDATE bench_queue SET status = 'done', done_at = now() WHERE id = ANY(%s)",
                ([row[0] for row in rows],),
            )
            connection.commit()


def procrastinate(conninfo, mode):
    import procrastinate as library

    async def main():
        app = library.App(connector=library.PsycopgConnector(conninfo=conninfo))
        effects = await psycopg.AsyncConnection.connect(conninfo, autocommit=True, prepare_threshold=0)

        @app.task(name="bench", queue="bench")
        async def bench(number, key):
            await effects.execute(EFFECT, (number, key))

        async with app.open_async():
            ready()
            await app.run_worker_async(
                queues=["bench"], concurrency=1, wait=mode == "listen", install_signal_handlers=False
            )

    asyncio.run(main())


def pgqueuer(conninfo, mode):
    import asyncpg
    from pgqueuer import AsyncpgDriver, PgQueuer
    from pgqueuer.domain.types import QueueExecutionMode
    from psycopg.conninfo import conninfo_to_dict

    async def main():
        parameters = conninfo_to_dict(conninfo)
        # Its psycopg driver lets queries wait for its listener, up to half a second each.
        connection = await asyncpg.connect(database=parameters.pop("dbname"), **parameters)
        effects = await psycopg.AsyncConnection.connect(conninfo, autocommit=True, prepare_threshold=0)
        queue = PgQueuer(AsyncpgDriver(connection))

        @queue.entrypoint("bench")
        async def bench(job):
            payload = json.loads(job.payload)
            await effects.execute(EFFECT, (payload["number"], payload["key"]))

        ready()
        run_mode = QueueExecutionMode.continuous if mode == "listen" else QueueExecutionMode.drain
        await queue.run(batch_size=10, mode=run_mode)

    asyncio.run(main())


if __name__ == "__main__":
    {"hand_written": hand_written, "procrastinate": procrastinate, "pgqueuer": pgqueuer}[sys.argv[1]](*sys.argv[2:])
