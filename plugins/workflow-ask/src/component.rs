//! Exports the surface. Nothing is decided here.

use crate::advance;
use crate::bindings::{
    self, export,
    exports::sortie::workflow::workflow::{AdvanceResult, Context, Description, Guest, StepResult},
};

struct Component;

impl Guest for Component {
    fn describe() -> Description {
        advance::description()
    }

    fn advance(context: Context, state: Vec<u8>, results: Vec<StepResult>) -> AdvanceResult {
        advance::advance(&context, &state, results)
    }
}

export!(Component with_types_in bindings);
