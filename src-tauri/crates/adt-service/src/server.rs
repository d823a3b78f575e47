//! The REST server: any TwinService on the network.
