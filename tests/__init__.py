"""The tests of mmuda; they mirror its folders."""
