//! Static findings about what differs between environments: text in, findings out.
