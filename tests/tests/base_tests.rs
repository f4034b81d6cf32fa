//! The base commit's tests as judges, in real containers: what is taken away is
//! named, what cannot be compared is said, and a crash in the middle of it
//! leaves nothing behind.

use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::Value;
use sortie_tests::{Host, HostOptions, PATIENCE, Remote};

const SOURCE: &str = "def double(n):\n    return n + n + 1\n\n\ndef half(n):\n    return n // 2\n";
const TESTS: &str = "import unittest\n\nfrom maths import double, half\n\n\n\
class Maths(unittest.TestCase):\n    def test_double(self):\n        \
self.assertEqual(double(2), 4)\n\n    def test_half(self):\n        \
self.assertEqual(half(4), 2)\n";
/// Skips the test that fails and takes the other away.
const CHEAT: &str = "sed -i 's/^    def test_double/    @unittest.skip(\"later\")\\n    def test_double/; \
/def test_half/,$d' test_maths.py";
/// Mends one thing, breaks another, and changes what its test expects.
const BEND: &str = "sed -i 's/half(4), 2/half(4), 3/' test_maths.py && \
sed -i 's/n + n + 1/n + n/; s,n // 2,n // 2 + 1,' maths.py";
/// Changes what the test that fails expects, and nothing else.
const BEND_FAILING: &str = "sed -i 's/double(2), 4/double(2), 5/' test_maths.py";
/// What is right in the sources.
const MEND: &str = "sed -i 's/n + n + 1/n + n/' maths.py";

/// The project names its image; the engine's own has no Python.
fn python() -> HostOptions {
    HostOptions {
        defaults: "image = \"sortie-runner:python\"\nverify = [\"python3 -m unittest\"]".to_owned(),
        ..HostOptions::default()
    }
}

fn sample() -> Result<Remote> {
    Remote::with(&[("maths.py", SOURCE), ("test_maths.py", TESTS)])
}

/// The findings of the native scanner, as `severity rule: message`.
async fn findings(host: &Host, id: u64) -> Result<Vec<String>> {
    let path = format!("/v1/jobs/{id}/findings");
    let (_, list) = host.call(Method::GET, &path, None).await?;
    let found = list["findings"].as_array().context("a list")?.clone();
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    Ok(found
        .iter()
        .filter(|finding| finding["scanner"] == "base-tests")
        .map(|f| {
            format!(
                "{} {}: {}",
                text(f, "severity"),
                text(f, "rule"),
                text(f, "message")
            )
        })
        .collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn tests_that_are_taken_away_are_named_and_a_person_is_asked() -> Result<()> {
    let remote = sample()?;
    let host = Host::start(&remote, python()).await?;
    let id = host.submit(CHEAT).await?;
    let job = host.settled(id).await?;
    assert_eq!(job["state"], "needs_review", "{job}");
    assert_eq!(
        findings(&host, id).await?,
        [
            "block test-skipped: the test test_maths.Maths.test_double is skipped now",
            "warn test-vanished: the test test_maths.Maths.test_half is gone",
        ]
    );
    assert!(remote.pushes()?.is_empty() && host.leftovers()?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_that_was_bent_to_pass_is_named() -> Result<()> {
    let remote = sample()?;
    let host = Host::start(&remote, python()).await?;
    for (command, test) in [(BEND, "test_half"), (BEND_FAILING, "test_double")] {
        let id = host.submit(command).await?;
        let job = host.settled(id).await?;
        assert_eq!(job["state"], "needs_review", "{job}");
        let found = findings(&host, id).await?;
        assert_eq!(found.len(), 1, "{found:?}");
        let expected =
            format!("warn test-passes-only-changed: the test test_maths.Maths.{test} passes only");
        assert!(found[0].starts_with(&expected), "{found:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn tests_that_cannot_be_put_back_are_named_and_a_person_is_asked() -> Result<()> {
    let own = "import unittest\n\n\ndef double(n):\n    return n + n\n\n\n\
               class Maths(unittest.TestCase):\n    def test_double(self):\n        \
               self.assertEqual(double(2), 4)\n";
    let remote = Remote::with(&[("maths.py", own)])?;
    let mut options = python();
    options.defaults = options.defaults.replace("unittest", "unittest maths");
    let host = Host::start(&remote, options).await?;
    let id = host
        .submit("printf '\\n    def test_zero(self):\\n        pass\\n' >> maths.py")
        .await?;
    let job = host.settled(id).await?;
    assert_eq!(job["state"], "needs_review", "{job}");
    let found = findings(&host, id).await?;
    assert_eq!(found.len(), 1, "{found:?}");
    let expected =
        "warn tests-not-compared: the base commit's tests in 1 file could not be put back";
    assert!(
        found[0].starts_with(expected) && found[0].ends_with("maths.py"),
        "{found:?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_check_knows_of_the_mirrors_that_its_run_knows_of() -> Result<()> {
    let mirror = "import os\nimport unittest\n\n\nclass Mirror(unittest.TestCase):\n    \
                  def test_mirror(self):\n        \
                  self.assertIn(\"mirror.example\", os.environ[\"PIP_INDEX_URL\"])\n";
    let remote = Remote::with(&[
        ("maths.py", SOURCE),
        ("test_maths.py", TESTS),
        ("test_mirror.py", mirror),
    ])?;
    let mut options = python();
    options.env.push((
        "PIP_INDEX_URL".to_owned(),
        "https://pypi.mirror.example/simple".to_owned(),
    ));
    let host = Host::start(&remote, options).await?;
    let id = host.submit(&format!("{MEND}; rm test_mirror.py")).await?;
    let job = host.settled(id).await?;
    assert_eq!(job["state"], "needs_review", "{job}");
    // It passes in the check: else that it is gone would be a reason to block.
    assert_eq!(
        findings(&host, id).await?,
        ["warn test-vanished: the test test_mirror.Mirror.test_mirror is gone"]
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_time_ends_in_the_check_asks_for_more() -> Result<()> {
    let remote = Remote::with(&[
        ("maths.py", SOURCE),
        ("test_maths.py", TESTS),
        ("test_slow.py", "import time\n\ntime.sleep(600)\n"),
    ])?;
    let mut options = python();
    options.defaults.push_str("\nbudget_profile = \"brief\"");
    options.more = "[defaults.ceiling]\ntime_minutes = 3\n\
                    [plugins.budget-profiles.profiles.brief]\ncalls = 5\ncost_usd = 0\nminutes = 1\n"
        .to_owned();
    let host = Host::start(&remote, options).await?;
    let id = host.submit(&format!("{MEND}; rm test_slow.py")).await?;
    let asked = host
        .wait_event(id, |event| event["kind"] == "job.awaiting_approval")
        .await?;
    assert_eq!(asked["data"]["about"], "budget", "{asked}");
    let job = host.job(id).await?;
    assert_eq!(job["approval"]["raise"]["time_ms"], 60_000, "{job}");
    assert!(remote.pushes()?.is_empty() && host.leftovers()?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn new_tests_are_no_difference_and_other_changes_run_nothing() -> Result<()> {
    let remote = sample()?;
    let host = Host::start(&remote, python()).await?;
    let with_test = format!(
        "{MEND}; printf '\\n    def test_zero(self):\\n        self.assertEqual(double(0), 0)\\n' >> test_maths.py"
    );
    for command in [MEND, &with_test] {
        let id = host.submit(command).await?;
        let job = host.settled(id).await?;
        assert_eq!(job["state"], "succeeded", "{job}");
        assert!(findings(&host, id).await?.is_empty());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_compared_is_said() -> Result<()> {
    let remote = sample()?;
    let mut options = python();
    options.defaults = "verify = [\"grep -q unittest test_maths.py\"]".to_owned();
    let host = Host::start(&remote, options).await?;
    let id = host.submit("echo '# a word' >> test_maths.py").await?;
    let job = host.settled(id).await?;
    assert_eq!(job["state"], "succeeded", "{job}");
    let found = findings(&host, id).await?;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with("info tests-not-compared: "),
        "{found:?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_dies_while_it_compares_does_it_again_and_leaves_nothing() -> Result<()> {
    let remote = Remote::with(&[
        ("maths.py", SOURCE),
        ("test_maths.py", TESTS),
        (
            "test_slow.py",
            "import time\nimport unittest\n\n\nclass Slow(unittest.TestCase):\n    \
             def test_slow(self):\n        time.sleep(2)\n",
        ),
    ])?;
    let mut host = Host::start(&remote, python()).await?;
    let id = host.submit(CHEAT).await?;
    // The second container of the run is the check's.
    let both = tokio::time::timeout(PATIENCE, async {
        while host.containers()?.len() < 2 {
            tokio::task::yield_now().await;
        }
        anyhow::Ok(())
    });
    both.await??;
    host.kill().await?;
    host.serve().await?;
    let job = host.settled(id).await?;
    assert_eq!(job["state"], "needs_review", "{job}");
    assert_eq!(job["attempts"], 1, "{job}");
    assert_eq!(findings(&host, id).await?.len(), 2);
    assert!(host.leftovers()?.is_empty());
    Ok(())
}
