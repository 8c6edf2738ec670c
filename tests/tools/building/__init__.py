"""What the commands of ``build.py`` are made of: environments, zips, runs of the tests."""
