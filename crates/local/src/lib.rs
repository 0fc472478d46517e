//! The embedded host: serves the Lambda model over its own wire protocol and runs functions as processes.
