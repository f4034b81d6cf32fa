//! The egress service against real servers on loopback, with name servers
//! that answer what a test wants.

mod addresses;
mod answers;
mod credentials;
mod requests;
mod rig;
mod tls;
