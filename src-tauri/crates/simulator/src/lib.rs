//! The embedded instance: a TwinService over journal, twin graph and models; simulated devices.
