//! What the two halves of the plugin ask of the host, as traits, so that both
//! run without one.

use crate::bindings::sortie::host::{
    chat::{self, Message, Place},
    job_types::View,
    jobs::{self, Decision, Submission},
};

/// Messages and the plugin's own keys; what a notifier has.
pub(crate) trait Desk {
    fn send(&mut self, to: &Place, message: &Message) -> Result<u64, chat::Error>;
    fn edit(&mut self, number: u64, message: &Message) -> Result<(), chat::Error>;
    fn acknowledge(&mut self, interaction: &str, text: &str) -> Result<(), chat::Error>;
    fn value(&mut self, key: &str) -> Option<Vec<u8>>;
    fn keep(&mut self, key: &str, value: &[u8]) -> Result<(), String>;
    fn forget(&mut self, key: &str) -> Result<(), String>;
    fn keys(&mut self, prefix: &str) -> Vec<String>;
}

/// Jobs too; what a connector has.
pub(crate) trait World: Desk {
    fn submit(&mut self, job: &Submission) -> Result<u64, jobs::Error>;
    fn cancel(&mut self, job: u64) -> Result<(), jobs::Error>;
    fn decide(&mut self, job: u64, decision: Decision, commit: &str) -> Result<(), jobs::Error>;
    fn job(&mut self, job: u64) -> Result<View, jobs::Error>;
    fn newest(&mut self, limit: u32) -> Result<Vec<View>, jobs::Error>;
}
