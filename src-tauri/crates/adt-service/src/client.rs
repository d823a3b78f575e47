//! The REST client: a TwinService over the network.
