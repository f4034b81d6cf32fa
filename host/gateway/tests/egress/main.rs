//! The egress proxy against real sockets on loopback: what must not leave, what
//! is carried and how, what it may use, and the tools that people use.

mod forwards;
mod hostile;
mod limits;
mod rig;
mod tools;
mod tunnels;
mod web;
