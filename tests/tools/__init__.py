"""Tools of those who work on the project, behind the commands of ``build.py``. Nothing here ships."""
