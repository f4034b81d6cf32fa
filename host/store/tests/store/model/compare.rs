//! Whether the store holds what the model holds.

use super::Pair;
use sortie_model::id::JobId;
use sortie_model::job::{JobPhase, TRANSITIONS};
use sortie_store::JobFilter;

impl Pair {
    /// Everything the store holds is what the model holds.
    pub(super) async fn compare(&self) {
        let jobs = self.store.jobs(JobFilter::default()).await.unwrap();
        assert_eq!(jobs.len(), self.model.jobs.len());
        for job in jobs {
            let state = &self.model.jobs[&job.id];
            assert_eq!(job.state.phase(), state.phase, "{}", job.id);
            assert_eq!(job.attempts, state.attempts);
            assert_eq!(job.finished_at.is_some(), state.phase.is_final());
            let runs = self.store.runs(job.id).await.unwrap();
            let newest = runs.last().map(|run| (run.id, run.phase));
            assert_eq!(newest, state.run.as_ref().map(|run| (run.id, run.phase)));
            let open = runs.iter().filter(|run| run.finished_at.is_none()).count();
            let under_way = matches!(
                state.phase,
                JobPhase::Running
                    | JobPhase::AwaitingApproval
                    | JobPhase::NeedsReview
                    | JobPhase::Approved
            );
            assert_eq!(open, usize::from(under_way), "{} {}", job.id, state.phase);
            let question = self.store.approval(job.id).await.unwrap();
            assert_eq!(
                question.map(|asked| (asked.run, asked.decision)),
                state.question.map(|(run, decision, _)| (run, decision))
            );
            self.replay(job.id, state.phase).await;
        }
        let running = self
            .model
            .newest
            .values()
            .map(|fence| fence.run)
            .collect::<std::collections::BTreeSet<_>>();
        let leased = self.store.unfinished_runs().await.unwrap();
        assert_eq!(leased, running.into_iter().collect::<Vec<_>>());
    }

    /// The timeline alone tells a legal life that ends where the job stands.
    async fn replay(&self, job: JobId, stands: JobPhase) {
        let events = self
            .store
            .events_after(Default::default(), Some(job), 0xffff);
        let mut phases = Vec::new();
        for event in events.await.unwrap() {
            if let Some(name) = event.kind.strip_prefix("job.") {
                phases.push(JobPhase::parse(name).unwrap());
            }
        }
        assert_eq!(phases.first(), Some(&JobPhase::Queued));
        assert_eq!(phases.last(), Some(&stands));
        for pair in phases.windows(2) {
            let legal = TRANSITIONS
                .iter()
                .any(|(from, _, to)| [*from, *to] == [pair[0], pair[1]]);
            assert!(legal, "{job} went from {} to {}", pair[0], pair[1]);
        }
    }
}
