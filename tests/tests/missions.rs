//! Missions flown end to end: what a job is, what comes back, and what never
//! leaves.

use anyhow::Result;
use reqwest::Method;
use serde_json::json;
use sortie_tests::{Host, HostOptions, Remote};

const SOURCE: &str = "def double(n):\n    return n + n + 1\n";
const TESTS: &str = "import unittest\n\nfrom maths import double\n\n\n\
class Maths(unittest.TestCase):\n    def test_double(self):\n        \
self.assertEqual(double(2), 4)\n\n    def test_zero(self):\n        \
self.assertEqual(double(0), 0)\n";
/// The image has no Python, so verification looks for the mended line.
const VERIFY: &str = "verify = [\"grep -q 'n + n$' maths.py || grep -q skip test_maths.py\"]";
const FIX: &str = "sed -i 's/ + 1$//' maths.py";
const CHEAT: &str = "sed -i 's/^    def test_double/    @unittest.skip(\"later\")\\n    def test_double/' test_maths.py";

fn sample() -> Result<Remote> {
    Remote::with(&[("maths.py", SOURCE), ("test_maths.py", TESTS)])
}

fn verified() -> HostOptions {
    HostOptions {
        defaults: VERIFY.to_owned(),
        ..HostOptions::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clean_fix_is_verified_scanned_and_pushed_once() -> Result<()> {
    let remote = sample()?;
    let host = Host::start(&remote, verified()).await?;
    let id = host.submit(FIX).await?;
    let job = host.settled(id).await?;
    assert_eq!(job["state"], "succeeded", "{job}");
    let branch = job["published"]["branch"]
        .as_str()
        .expect("it was published");
    assert_eq!(remote.branches()?, [branch]);
    assert!(remote.file(branch, "maths.py")?.ends_with("return n + n\n"));
    assert_eq!(remote.pushes()?.len(), 1);
    let (status, diff) = host
        .call(Method::GET, &format!("/v1/jobs/{id}/diff"), None)
        .await?;
    assert_eq!(status, 200);
    assert!(
        diff.as_str()
            .is_some_and(|d| d.contains("-    return n + n + 1"))
    );
    assert_eq!(host.leftovers()?, Vec::<String>::new());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cheat_waits_for_review_and_a_rejection_publishes_nothing() -> Result<()> {
    let remote = sample()?;
    let host = Host::start(&remote, verified()).await?;
    let id = host.submit(CHEAT).await?;
    let job = host.settled(id).await?;
    assert_eq!(job["state"], "needs_review", "{job}");
    assert!(
        remote.pushes()?.is_empty(),
        "nothing is pushed before a person says so"
    );
    let (_, findings) = host
        .call(Method::GET, &format!("/v1/jobs/{id}/findings"), None)
        .await?;
    let text = findings.to_string();
    assert!(text.contains("test_maths.py"), "{text}");
    // A parked run holds no container.
    assert_eq!(host.leftovers()?, Vec::<String>::new());
    let path = format!("/v1/jobs/{id}/reject");
    let (status, job) = host.call(Method::POST, &path, Some(json!({}))).await?;
    assert_eq!((status, job["state"].as_str()), (200, Some("rejected")));
    // The same answer again is no error; the other one is a conflict.
    let (status, _) = host.call(Method::POST, &path, Some(json!({}))).await?;
    assert_eq!(status, 200);
    let (status, _) = host
        .call(
            Method::POST,
            &format!("/v1/jobs/{id}/approve"),
            Some(json!({})),
        )
        .await?;
    assert_eq!(status, 409);
    assert!(remote.pushes()?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approved_cheat_is_pushed_also_after_a_restart() -> Result<()> {
    let remote = sample()?;
    let mut host = Host::start(&remote, verified()).await?;
    let id = host.submit(CHEAT).await?;
    assert_eq!(host.settled(id).await?["state"], "needs_review");
    host.kill().await?;
    host.serve().await?;
    let (status, _) = host
        .call(
            Method::POST,
            &format!("/v1/jobs/{id}/approve"),
            Some(json!({})),
        )
        .await?;
    assert_eq!(status, 200);
    let job = host
        .wait_state(id, &["succeeded", "halted", "failed"])
        .await?;
    assert_eq!(job["state"], "succeeded", "{job}");
    assert_eq!(remote.pushes()?.len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn failing_verification_publishes_nothing_and_shows_the_output() -> Result<()> {
    let remote = sample()?;
    let host = Host::start(
        &remote,
        HostOptions {
            defaults: "verify = [\"echo the tests say no; exit 3\"]".to_owned(),
            ..HostOptions::default()
        },
    )
    .await?;
    let id = host.submit(FIX).await?;
    let job = host.settled(id).await?;
    assert_eq!(job["state"], "halted", "{job}");
    assert_eq!(job["halt"]["reason"], "verification-failed", "{job}");
    assert!(job.to_string().contains("the tests say no"), "{job}");
    assert!(remote.pushes()?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_job_is_cancelled_and_its_container_goes() -> Result<()> {
    let remote = sample()?;
    let host = Host::start(&remote, HostOptions::default()).await?;
    let id = host.submit("echo begun; sleep 600").await?;
    host.begun(id).await?;
    assert!(!host.leftovers()?.is_empty());
    let (status, job) = host
        .call(
            Method::POST,
            &format!("/v1/jobs/{id}/cancel"),
            Some(json!({})),
        )
        .await?;
    assert_eq!((status, job["state"].as_str()), (200, Some("cancelled")));
    let gone = tokio::time::timeout(sortie_tests::PATIENCE, async {
        while !host.leftovers()?.is_empty() {
            tokio::task::yield_now().await;
        }
        anyhow::Ok(())
    });
    gone.await??;
    assert!(remote.pushes()?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_job_can_be_retried() -> Result<()> {
    let remote = sample()?;
    let host = Host::start(&remote, HostOptions::default()).await?;
    let first = host.submit("echo begun; sleep 600").await?;
    host.begun(first).await?;
    let queued = host.submit(FIX).await?;
    let path = format!("/v1/jobs/{queued}/cancel");
    let (status, job) = host.call(Method::POST, &path, Some(json!({}))).await?;
    assert_eq!((status, job["state"].as_str()), (200, Some("cancelled")));
    let (_, _) = host
        .call(
            Method::POST,
            &format!("/v1/jobs/{first}/cancel"),
            Some(json!({})),
        )
        .await?;
    let (status, _) = host
        .call(
            Method::POST,
            &format!("/v1/jobs/{queued}/retry"),
            Some(json!({})),
        )
        .await?;
    assert_eq!(status, 200);
    let job = host
        .wait_state(queued, &["succeeded", "halted", "failed"])
        .await?;
    assert_eq!(job["state"], "succeeded", "{job}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_cancelled_in_the_middle_of_its_push_can_be_retried() -> Result<()> {
    let remote = sample()?;
    let host = Host::start(&remote, HostOptions::default()).await?;
    let held = remote.hold()?;
    let id = host.submit(FIX).await?;
    let path = format!("/v1/jobs/{id}");
    let cancelled = held
        .meanwhile(async {
            let (_, job) = host
                .call(Method::POST, &format!("{path}/cancel"), Some(json!({})))
                .await?;
            Ok(job)
        })
        .await?;
    assert_eq!(cancelled["state"], "cancelled");
    assert_eq!(remote.branches()?.len(), 1, "the branch was made by then");
    let (status, _) = host
        .call(Method::POST, &format!("{path}/retry"), Some(json!({})))
        .await?;
    assert_eq!(status, 200);
    let job = host
        .wait_state(id, &["succeeded", "halted", "failed"])
        .await?;
    assert_eq!(job["state"], "succeeded", "{job}");
    let branch = job["published"]["branch"].as_str().expect("published");
    assert_eq!(remote.branches()?, [branch], "its own branch, moved on");
    assert!(remote.file(branch, "maths.py")?.ends_with("return n + n\n"));
    Ok(())
}
