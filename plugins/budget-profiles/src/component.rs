//! Exports the surface. Nothing is decided here.

use crate::bindings::{
    self, export,
    exports::sortie::budget::budget::{
        Guest, Limits, Pending, Profile, Refusal, Request, Usage, Verdict,
    },
    sortie::host::config,
};
use crate::{evaluate, profiles::Profiles};

struct Component;

impl Guest for Component {
    /// With a configuration that cannot be read these are the built-in ones,
    /// and `resolve` says what is wrong.
    fn profiles() -> Vec<Profile> {
        Profiles::parse(&config::all()).unwrap_or_default().list
    }

    fn resolve(request: Request) -> Result<Limits, Refusal> {
        Profiles::parse(&config::all())
            .map_err(Refusal::Denied)?
            .resolve(request.profile.as_deref())
    }

    fn evaluate(usage: Usage, limits: Limits, pending: Pending) -> Verdict {
        evaluate::evaluate(&usage, &limits, &pending)
    }
}

export!(Component with_types_in bindings);
