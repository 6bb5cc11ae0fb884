import re

from django.conf import settings
from django.utils.module_loading import import_string


def test_what_is_called_by_its_path_is_there():
    paths = re.findall(r'called\("([\w.]+)"\)', (settings.BASE_DIR / "finance/apps.py").read_text())
    assert len(paths) == 7
    assert all(callable(import_string(path)) for path in paths)
