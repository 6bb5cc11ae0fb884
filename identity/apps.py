from django.apps import AppConfig


class IdentityConfig(AppConfig):
    name = "identity"

    def ready(self) -> None:
        from rest_framework_simplejwt import state

        from identity import receivers
        from identity.token_keys import RotatingTokenBackend

        receivers.connect()
        # Every token class takes its backend from there, and simplejwt has no setting for it.
        state.token_backend = RotatingTokenBackend.of(state.token_backend)
