//! Exports the surface. Nothing is decided here.

use crate::bindings::{
    self, export,
    exports::sortie::workflow::workflow::{AdvanceResult, Context, Description, Guest, StepResult},
};
use crate::{advance, words};

struct Component;

impl Guest for Component {
    fn describe() -> Description {
        words::description()
    }

    fn advance(context: Context, state: Vec<u8>, results: Vec<StepResult>) -> AdvanceResult {
        advance::advance(&context, &state, results)
    }
}

export!(Component with_types_in bindings);
