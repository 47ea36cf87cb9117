"""Files of others, read with care, and files of ours that are whole or not there."""

from approx_perception.files.arrays import Columns, read_columns, unpack_columns, write_columns
from approx_perception.files.cache import user_cache
from approx_perception.files.claims import claimed
from approx_perception.files.content import (
    check_file,
    file_sha256,
    is_folder,
    read_bytes,
    read_text,
)
from approx_perception.files.kinds import foreign_kind
from approx_perception.files.numbers import MOST_DIGITS, whole_number
from approx_perception.files.tables import read_json, read_json_table, read_yaml_table
from approx_perception.files.writing import replace_bytes, replace_text, replacing

__all__ = [
    "MOST_DIGITS",
    "Columns",
    "check_file",
    "claimed",
    "file_sha256",
    "foreign_kind",
    "is_folder",
    "read_bytes",
    "read_columns",
    "read_json",
    "read_json_table",
    "read_text",
    "read_yaml_table",
    "replace_bytes",
    "replace_text",
    "replacing",
    "unpack_columns",
    "user_cache",
    "whole_number",
    "write_columns",
]
