//! Hosts come and go; containers stay.

use crate::rig::{Closed, finish, shell, spec, with};
use sortie_sandbox::{
    Adoption, Ending, EngineOptions, ExitStatus, Sandbox, SandboxError, Step, WireKey,
};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Reads exactly `n` bytes of output.
async fn take(step: &mut Step, n: usize) -> Vec<u8> {
    let mut taken = Vec::new();
    while taken.len() < n {
        taken.extend_from_slice(
            &step
                .next_output()
                .await
                .unwrap()
                .expect("more output")
                .bytes,
        );
    }
    taken
}

#[tokio::test(flavor = "multi_thread")]
async fn output_goes_on_where_it_was_left() {
    with(|_| {}, |rig| async move {
        let workspace = rig.launch(1).await;
        // Speaks on only after it was adopted, so that nothing depends on luck.
        let script = "for i in {1..2000}; do echo before $i; done; until [ -e /work/go ]; do sleep 0.01; done; \
                      for i in {1..2000}; do echo after $i; done; exit 5";
        let mut step = workspace.start(shell("talk", script)).await.unwrap();
        let mut said = take(&mut step, 1000).await;
        let offset = step.offset();
        assert_eq!(offset, said.len() as u64);
        drop((step, workspace));

        // A host is gone; the step talks to nobody and is not disturbed.
        let workspace = rig.adopt(1, 2).await;
        assert_eq!(workspace.job(), 101);
        let status = workspace.status().await.unwrap();
        assert_eq!((status.steps.len(), status.steps[0].exit), (1, None));
        // Starting it again, as a host does that lost its memory, finds it.
        let mut step = workspace.start_from(shell("talk", script), offset).await.unwrap();
        let error = workspace.start(shell("go", "touch /work/go")).await.unwrap_err();
        assert!(matches!(error, SandboxError::Runner(_)), "one at a time");
        rig.exec(&workspace, "touch /work/go");
        let (rest, exit) = finish(&mut step).await;
        said.extend_from_slice(rest.as_bytes());
        let lines = |word: &'static str| (1..=2000).map(move |i| format!("{word} {i}\n"));
        let wanted: String = lines("before").chain(lines("after")).collect();
        assert_eq!(String::from_utf8(said).unwrap(), wanted);
        assert_eq!(exit.status, ExitStatus::Code(5));

        // What ended can still be read, by the next host too.
        let workspace = rig.adopt(1, 3).await;
        let (again, exit) = finish(&mut workspace.step("talk", 0).await.unwrap()).await;
        assert_eq!((again, exit.status), (wanted, ExitStatus::Code(5)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_lease_takes_over_and_an_older_one_is_refused() {
    with(
        |_| {},
        |rig| async move {
            let first = rig
                .sandbox
                .launch(spec(1, 7), Arc::new(Closed))
                .await
                .unwrap();
            let mut step = first
                .start(shell("long", "echo begun; sleep 1000"))
                .await
                .unwrap();
            take(&mut step, 6).await;

            let second = rig.adopt(1, 8).await;
            assert_eq!(second.token().lease, 8);
            first.closed().await;
            let error = step.wait().await.unwrap_err();
            assert!(
                matches!(error, SandboxError::WireLost { run: 1, .. }),
                "{error}"
            );
            assert!(error.is_transient());

            let stale = rig
                .restarted()
                .await
                .adopt(1, 7, Arc::new(Closed))
                .await
                .unwrap_err();
            assert!(
                matches!(stale, SandboxError::WireRefused { run: 1, .. }),
                "{stale}"
            );
            assert!(
                stale.to_string().contains("belongs to another host"),
                "{stale}"
            );
            assert!(!stale.is_transient());

            // The same lease may open its wire again, and then has the newer one.
            let third = rig.adopt(1, 8).await;
            assert!(third.token() > second.token());
            second.closed().await;
            let mut step = third.step("long", 0).await.unwrap();
            assert_eq!(take(&mut step, 6).await, b"begun\n");
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_with_another_key_is_refused() {
    with(
        |_| {},
        |rig| async move {
            let workspace = rig.launch(1).await;
            let options = EngineOptions {
                key: WireKey::ephemeral().unwrap(),
                ..rig.options.clone()
            };
            let stranger = Sandbox::connect(options).await.unwrap();
            let error = stranger.adopt(1, 99, Arc::new(Closed)).await.unwrap_err();
            assert!(
                matches!(error, SandboxError::WireRefused { .. })
                    && error.to_string().contains("proof"),
                "{error}"
            );
            assert!(!workspace.is_closed(), "who holds the wire keeps it");
            workspace.status().await.unwrap();
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_died_is_removed() {
    with(
        |_| {},
        |rig| async move {
            let workspace = rig.launch(1).await;
            let container = workspace.container().to_owned();
            rig.docker(&["kill", &container]);
            workspace.closed().await;
            assert!(matches!(
                workspace.status().await.unwrap_err(),
                SandboxError::WireLost { .. }
            ));
            let adoption = rig
                .restarted()
                .await
                .adopt(1, 2, Arc::new(Closed))
                .await
                .unwrap();
            assert!(
                matches!(adoption, Adoption::Ended(Ending::Failed(137))),
                "{adoption:?}"
            );
            assert_eq!(rig.sandbox.list().await.unwrap(), []);

            // One that somebody stopped, which the runner takes as an order.
            rig.launch(2).await;
            rig.docker(&["stop", &rig.sandbox.list().await.unwrap()[0].container]);
            let adoption = rig
                .restarted()
                .await
                .adopt(2, 2, Arc::new(Closed))
                .await
                .unwrap();
            assert!(
                matches!(adoption, Adoption::Ended(Ending::Stopped)),
                "{adoption:?}"
            );
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_takes_only_orphans_of_its_own_instance() {
    with(
        |_| {},
        |ours| async move {
            with(
                |_| {},
                move |theirs| async move {
                    let kept = ours.launch(1).await;
                    drop(ours.launch(2).await);
                    let other = theirs.launch(1).await;
                    // Runs of this very process are never orphans to it.
                    assert_eq!(
                        ours.sandbox.sweep(&BTreeSet::new()).await.unwrap(),
                        Default::default()
                    );
                    let swept = ours
                        .restarted()
                        .await
                        .sweep(&BTreeSet::from([1]))
                        .await
                        .unwrap();
                    assert_eq!((swept.containers, swept.volumes), (1, 1));
                    let runs: Vec<_> = ours
                        .sandbox
                        .list()
                        .await
                        .unwrap()
                        .iter()
                        .map(|found| found.run)
                        .collect();
                    assert_eq!(runs, [1]);
                    kept.status().await.unwrap();
                    other.status().await.unwrap();
                },
            )
            .await;
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_kills_the_bridge_only_delays_itself() {
    with(|_| {}, |rig| async move {
        drop(rig.launch(1).await);
        let workspace = rig.adopt(1, 2).await;
        // The bridge is the one process in there that is neither PID 1 nor the step's own.
        let script = "echo begun; for p in /proc/[0-9]*; do p=${p#/proc/}; [ $p = 1 ] || [ $p = $$ ] || kill -9 $p; done; \
                      until [ -e /work/go ]; do sleep 0.01; done; echo on";
        let error = match workspace.start(shell("spite", script)).await {
            Ok(mut step) => step.wait().await.unwrap_err(),
            Err(e) => e,
        };
        assert!(matches!(error, SandboxError::WireLost { .. }), "{error}");
        workspace.closed().await;
        let workspace = rig.adopt(1, 2).await;
        rig.exec(&workspace, "touch /work/go");
        let (said, exit) = finish(&mut workspace.step("spite", 0).await.unwrap()).await;
        assert_eq!((said.as_str(), exit.status), ("begun\non\n", ExitStatus::Code(0)));
    })
    .await;
}
