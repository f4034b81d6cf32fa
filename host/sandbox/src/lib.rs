//! Sandboxes: a disposable, hardened container for each run, for a while beside
//! it a second, clean one for a check, and the wire into each.
//!
//! The crate makes containers that hold every rule of the policy or none at
//! all, talks to the runner inside, finds containers again after a restart and
//! removes those that nobody owns. It knows nothing of jobs, budgets or
//! plugins, puts no credential into a container, and believes nothing that
//! comes out of one: what it returns is what the runner *said*.
//!
//! - [`Sandbox`] is the engine with its options: launch, adopt, list, remove,
//!   sweep, check.
//! - [`Workspace`] is one run's container with the wire open. When the wire
//!   breaks, its calls fail with [`SandboxError::WireLost`] and the container
//!   runs on; [`Sandbox::adopt`] opens the wire again.
//! - [`Step`] is one program in it: its output with offsets, and its end.
//! - [`WireGateway`] is what the container's two loopback services lead to.

mod engine;
mod error;
mod gateway;
mod key;
mod labels;
mod limits;
mod link;
mod options;
mod policy;
mod report;
mod sandbox;
mod step;
mod sweep;
mod workspace;

pub use error::SandboxError;
pub use gateway::{BoxedIo, WireGateway};
pub use key::WireKey;
pub use options::{Endpoint, EngineOptions, Limits, Tls};
pub use policy::{Policy, Violation, verify};
pub use report::{EngineReport, ImageReport, Problem};
pub use sandbox::{Adoption, Ending, LaunchSpec, Part, Sandbox};
pub use sortie_wire::message::{
    ExitReport, ExitStatus, KillReason, OutputStream, RunnerError, Status, StepFile, StepSpec,
    StepStatus,
};
pub use sortie_wire::place;
pub use step::{Output, Step};
pub use sweep::{Found, Swept};
pub use workspace::{CollectRequest, Collected, Workspace};
