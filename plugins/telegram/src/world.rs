//! What the two halves of the plugin ask of the host, as traits, so that both
//! run without one.

use crate::bindings::sortie::host::{
    chat::{self, Message, Place},
    job_types::View,
    jobs::{self, Decision, Reach, Submission},
};

/// Messages and the plugin's own keys; what a notifier has.
pub(crate) trait Desk {
    fn send(&mut self, to: &Place, message: &Message) -> Result<u64, chat::Error>;
    fn send_diff(&mut self, to: &Place, job: u64, message: &Message) -> Result<u64, chat::Error>;
    fn edit(&mut self, number: u64, message: &Message) -> Result<(), chat::Error>;
    fn pin(&mut self, number: u64, pinned: bool) -> Result<(), chat::Error>;
    fn acknowledge(&mut self, interaction: &str, text: &str) -> Result<(), chat::Error>;
    fn value(&mut self, key: &str) -> Option<Vec<u8>>;
    fn keep(&mut self, key: &str, value: &[u8]) -> Result<(), String>;
    fn forget(&mut self, key: &str) -> Result<(), String>;
}

/// Jobs too; what a connector has.
pub(crate) trait World: Desk {
    fn submit(&mut self, job: &Submission) -> Result<u64, jobs::Error>;
    fn follow_up(&mut self, job: u64, task: &str, key: &str) -> Result<u64, jobs::Error>;
    fn cancel(&mut self, job: u64) -> Result<(), jobs::Error>;
    fn retry(&mut self, job: u64) -> Result<(), jobs::Error>;
    fn answer(&mut self, question: u64, decision: Decision) -> Result<(), jobs::Error>;
    fn admit_host(&mut self, ask: u64, allow: bool, reach: Reach) -> Result<(), jobs::Error>;
    fn job(&mut self, job: u64) -> Result<View, jobs::Error>;
    fn newest(&mut self, state: Option<&str>, limit: u32) -> Result<Vec<View>, jobs::Error>;
    fn stats(&mut self, hours: u32) -> Result<String, jobs::Error>;
    fn projects(&mut self) -> Result<String, jobs::Error>;
}
