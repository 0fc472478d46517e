//! OCI images without a daemon: layouts, reproducible layers, safe unpacking.
