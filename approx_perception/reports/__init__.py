"""What people look at: tables, pictures, annotated video, and the files of a run."""
