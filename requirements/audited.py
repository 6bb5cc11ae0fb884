"""Judges what `pip-audit --format json` says on standard input: ends with 0 only when every package was really audited.

pip-audit itself ends with 0, and says that nothing is known, also when the service knew none of the packages.
"""

import json
import sys


def problems(report: str) -> list[str]:
    """What stands against the packages, a line each; nothing when all were audited and none has a known fault."""
    try:
        packages = json.loads(report)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return ["pip-audit gave no report: nothing was audited."]
    if not packages:
        return ["pip-audit saw no packages: nothing was audited."]
    skipped = [package for package in packages if "skip_reason" in package]
    found = [f"{package['name']} was not audited: {package['skip_reason']}" for package in skipped[:5]]
    if len(skipped) > len(found):
        found.append(f"… and {len(skipped) - len(found)} more of {len(packages)} packages were not audited.")
    for package in packages:
        for fault in package.get("vulns", ()):
            fixed = ", ".join(fault["fix_versions"]) or "no version yet"
            found.append(f"{package['name']} {package['version']} has {fault['id']}, fixed in {fixed}.")
    return found


if __name__ == "__main__":
    told = problems(sys.stdin.read())
    sys.exit("\n".join(told) if told else None)
