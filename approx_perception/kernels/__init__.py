"""Parts put together behind one contract."""
