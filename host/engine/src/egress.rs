//! A run as its egress proxy sees it: what its policy allows, what people
//! answered meanwhile, whom to tell of a refused host, and the rows. Also what
//! tells the package managers in a sandbox of the host's mirrors.
//!
//! Which of policy and answers speaks for a host is the model's to say; this
//! only fetches them.

use crate::EngineOptions;
use crate::drive::RunContext;
use async_trait::async_trait;
use sortie_gateway::egress::{
    Connection, Egress, EgressOptions, Opening, Refusal, Shut, Used, Verdict, Warden,
};
use sortie_gateway::outbound::{Audit, AuditEntry, Outcome};
use sortie_gateway::web::Web;
use sortie_model::egress::{Admission, EgressPolicy, Ruling};
use sortie_model::host::HostName;
use sortie_model::id::Fence;
use sortie_sandbox::{StepFile, StepSpec};
use sortie_store::{NewEgressConnection, NewEgressRefusal, Store, StoreError};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::{Mutex, watch};

/// How many different refusals of one run are put on the timeline; a loop that
/// tries one host after the other must not fill the database.
const MAX_REFUSALS_SHOWN: usize = 50;

/// What leads out of the sandboxes of a run.
pub(crate) struct Outside {
    /// The proxy.
    pub(crate) egress: Egress,
    /// Search and fetch.
    pub(crate) web: Option<Web>,
}

impl Outside {
    /// Of a run with that policy.
    pub(crate) fn of(options: &EngineOptions, fence: Fence, policy: &EgressPolicy) -> Self {
        let warden = Arc::new(RunWarden {
            policy: policy.clone(),
            fence,
            answers: Mutex::new(Answers {
                changed: options.store.egress_signal(),
                known: None,
            }),
            shown: Mutex::default(),
            store: options.store.clone(),
        });
        let mut of_egress = EgressOptions::new(warden.clone());
        of_egress.limits = policy.limits;
        Self {
            egress: Egress::new(of_egress),
            web: options
                .web
                .as_ref()
                .map(|service| Web::new(service, warden.clone(), warden)),
        }
    }
}

/// Tells the package managers in the sandbox what the host's own use. What an
/// agent plugin set stays.
pub(crate) fn tell_of_mirrors(context: &RunContext, spec: &mut StepSpec) {
    let policy = &context.job.policy.egress;
    for (name, value) in &policy.env {
        if spec.env.iter().all(|(own, _)| own != name) {
            spec.env.push((name.clone(), value.clone()));
        }
    }
    for (path, contents) in &policy.files {
        if spec.files.iter().all(|own| own.path != *path) {
            spec.files.push(StepFile {
                path: path.clone(),
                contents: contents.clone().into_bytes().into(),
                executable: false,
            });
        }
    }
}

struct RunWarden {
    store: Store,
    fence: Fence,
    policy: EgressPolicy,
    answers: Mutex<Answers>,
    shown: Mutex<BTreeSet<(String, u16, &'static str)>>,
}

/// What people answered, as of the last change; the store bounds how many.
struct Answers {
    changed: watch::Receiver<u64>,
    known: Option<Arc<Vec<Ruling>>>,
}

impl RunWarden {
    /// The answers that count now, read again only when one was given.
    async fn answers(&self) -> Result<Arc<Vec<Ruling>>, StoreError> {
        let mut answers = self.answers.lock().await;
        // Marked as seen before the read: what comes in between is read twice,
        // never missed.
        if answers.changed.has_changed().unwrap_or(true) {
            answers.changed.mark_unchanged();
            answers.known = None;
        }
        if let Some(known) = &answers.known {
            return Ok(known.clone());
        }
        let Fence { job, run, .. } = self.fence;
        let read = self.store.egress_rulings(job, Some(run)).await?;
        let read = Arc::new(read);
        answers.known = Some(read.clone());
        Ok(read)
    }

    /// Writes a new row, or over the one that a connection had from its
    /// beginning. Gives the row's number.
    async fn write(&self, row: NewEgressConnection, over: Option<u64>) -> Option<u64> {
        let written = match over {
            Some(id) => self.store.end_egress(id, row).await.map(|()| id),
            None => self.store.record_egress(row).await,
        };
        written
            .inspect_err(|error| {
                tracing::error!(%error, run = self.fence.run.0, "a connection could not be written down");
            })
            .ok()
    }

    fn row(&self, connection: Connection) -> NewEgressConnection {
        NewEgressConnection {
            job: self.fence.job,
            run: self.fence.run,
            method: connection.method,
            host: connection.host,
            port: connection.port,
            address: connection.address.map(|address| address.to_string()),
            outcome: connection.outcome.as_str().to_owned(),
            reason: connection.reason.map(str::to_owned),
            detail: connection.detail,
            up_bytes: connection.up_bytes,
            down_bytes: connection.down_bytes,
            elapsed_ms: connection.elapsed_ms,
        }
    }
}

#[async_trait]
impl Warden for RunWarden {
    async fn admit(&self, host: &HostName, port: u16) -> Verdict {
        let answers = match self.answers().await {
            Ok(answers) => answers,
            // Somebody may have said no, so nothing goes out.
            Err(error) => return Verdict::Shut(Shut::Unknown(error.to_string())),
        };
        match self.policy.admit(&answers, host, port) {
            Admission::Rule(rule) => Verdict::Open(Opening {
                tls: rule.tls,
                private: rule.allow_private,
                named: rule.host.address(),
            }),
            Admission::Ruled => Verdict::Open(Opening::PUBLIC),
            Admission::Denied => Verdict::Shut(Shut::Denied),
            Admission::OtherPort(rule) => Verdict::Shut(Shut::OtherPort(rule.ports.clone())),
            Admission::Unknown => Verdict::Shut(Shut::NotListed),
        }
    }

    async fn refused(&self, refusal: &Refusal) {
        let host = refusal.host.to_string();
        let key = (host.clone(), refusal.port, refusal.reason);
        {
            let mut shown = self.shown.lock().await;
            if shown.len() >= MAX_REFUSALS_SHOWN || !shown.insert(key) {
                return;
            }
        }
        let told = self
            .store
            .egress_refused(
                self.fence,
                NewEgressRefusal {
                    method: refusal.method.clone(),
                    host,
                    port: refusal.port,
                    reason: refusal.reason.to_owned(),
                    question: refusal.question,
                },
            )
            .await;
        if let Err(error) = told {
            tracing::debug!(%error, "a refused request is not on the timeline");
        }
    }

    async fn opened(&self, connection: &Connection) -> Option<u64> {
        self.write(self.row(connection.clone()), None).await
    }

    async fn carried(&self, connection: &Connection) {
        self.write(self.row(connection.clone()), connection.opened)
            .await;
    }

    async fn record(&self, connection: Connection) {
        let over = connection.opened;
        self.write(self.row(connection), over).await;
    }

    async fn used(&self) -> Result<Used, String> {
        let used = self.store.egress_used(self.fence.run).await;
        let used = used.map_err(|error| error.to_string())?;
        Ok(Used {
            connections: u32::try_from(used.connections).unwrap_or(u32::MAX),
            up_bytes: used.up_bytes,
            down_bytes: used.down_bytes,
        })
    }
}

/// Searches and fetches leave rows beside those of the proxy.
#[async_trait]
impl Audit for RunWarden {
    async fn record(&self, entry: AuditEntry) {
        let (outcome, detail) = match entry.outcome {
            Outcome::Answered(_) => ("closed", None),
            Outcome::Refused(why) => ("refused", Some(why)),
            Outcome::Failed(why) => ("failed", Some(why)),
            Outcome::Abandoned => ("abandoned", None),
        };
        let row = NewEgressConnection {
            job: self.fence.job,
            run: self.fence.run,
            method: format!("{} {}", entry.subject, entry.method),
            host: entry.host,
            port: entry.port,
            address: None,
            outcome: outcome.to_owned(),
            reason: entry.reason.map(str::to_owned),
            detail,
            up_bytes: entry.sent_bytes,
            down_bytes: entry.received_bytes,
            elapsed_ms: entry.elapsed_ms,
        };
        self.write(row, None).await;
    }
}
