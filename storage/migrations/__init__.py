"""The steps from one schema of the archive to the next, run by Alembic."""
