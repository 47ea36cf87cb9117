"""Evaluations from beginning to end: sources and systems in, records and results out."""

from approx_perception.runs.batch import Job, run_jobs
from approx_perception.runs.metadata import record_folder
from approx_perception.runs.run import run_systems
from approx_perception.runs.sources import SourceOptions

__all__ = ["Job", "SourceOptions", "record_folder", "run_jobs", "run_systems"]
