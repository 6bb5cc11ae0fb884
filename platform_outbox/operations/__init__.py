"""Long operations of the installation: started by people, carried out by workers, watched while they run.

`registry` names them, `parameters` reads what they are given, `progress` is what they report to, `services` starts, stops
and resumes them, `running` carries one out. The same function serves the admin, the worker and `manage.py operation`.
"""
