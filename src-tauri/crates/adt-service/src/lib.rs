//! TwinService and GraphView; the REST server and the REST client.
