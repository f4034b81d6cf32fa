//! Exports the surface. Nothing is decided here.

use crate::bindings::{
    self, export,
    exports::sortie::workflow::workflow::{AdvanceResult, Context, Description, Guest, StepResult},
    sortie::host::config,
};
use crate::options::Options;
use crate::{advance, words};

struct Component;

impl Guest for Component {
    fn describe() -> Description {
        words::description()
    }

    fn advance(context: Context, state: Vec<u8>, results: Vec<StepResult>) -> AdvanceResult {
        match Options::read(config::get) {
            Ok(options) => advance::advance(&context, options, &state, results),
            Err(why) => advance::refuse(&state, &why),
        }
    }
}

export!(Component with_types_in bindings);
