//! The types that the API speaks, apart from the model's so that stored forms
//! can change without breaking a client. Clients written in Rust, such as the
//! `sortie` command, read the same types.

mod egress;
mod job;
mod message;
mod other;
mod people;
mod plugin;
mod run;
mod spending;
mod stats;
mod telemetry;

pub use egress::{
    EgressAnswerBody, EgressAnswerView, EgressAskView, EgressConnectionView, EgressQuestions,
    EgressView,
};
pub use job::{
    FoundCommandView, HaltView, JobDetail, JobList, JobView, LimitsView, MovedJob, PolicyView,
    PublishedView, UsageView,
};
pub use message::{
    AuditList, AuditView, DeliveryList, DeliveryView, HookDuplicate, HookTaken, PluginEventDetail,
    PluginEventList, PluginEventView,
};
pub use other::{
    DecisionBody, EngineView, EventView, Health, LogView, QueueView, Ready, RetryBody, StartView,
    SubmitBody,
};
pub use people::{
    BotView, ChatBody, ChatList, ChatView, IntakeView, PairingBody, PairingView, ParkedList,
    ParkedView, PauseBody, PauseView, PersonBody, PersonList, PersonView, QuietView, TelegramBody,
    TelegramView,
};
pub use plugin::{
    ConsentBody, DifferenceView, DisableBody, ExaminedView, GrantBody, PluginDetail, PluginList,
    PluginLogLine, PluginLogList, PluginView, VersionView,
};
pub use run::{
    ApprovalView, ArtifactList, ArtifactView, FindingList, FindingView, RunView, StepView,
};
pub use spending::{SpendingList, SpendingView};
pub use stats::{
    EndedView, HostDayView, PausedView, ProjectView, ProjectsView, StatsView, TasksView,
    TokensView, WaitingView,
};
pub use telemetry::{TelemetryList, TelemetryRow};

use sortie_model::clock::Timestamp;
use time::OffsetDateTime;
use time::format_description::FormatItem;
use time::macros::format_description;

const RFC_3339_MS: &[FormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// A moment in UTC, to the millisecond: `2026-01-02T03:04:05.678Z`.
pub fn moment(at: Timestamp) -> String {
    let ms = i128::from(at.0);
    OffsetDateTime::from_unix_timestamp_nanos(ms * 1_000_000)
        .ok()
        .and_then(|moment| moment.format(RFC_3339_MS).ok())
        .unwrap_or_else(|| at.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_to_the_millisecond() {
        assert_eq!(moment(Timestamp(1_500)), "1970-01-01T00:00:01.500Z");
        assert_eq!(moment(Timestamp(-1)), "1969-12-31T23:59:59.999Z");
        assert_eq!(moment(Timestamp(i64::MAX)), "9223372036854775807 ms");
    }
}
