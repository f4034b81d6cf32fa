//! A run's way through a sandbox when nothing goes wrong.

use crate::rig::{Closed, finish, shell, spec, with};
use sortie_sandbox::{
    ExitStatus, LaunchSpec, OutputStream, Part, RunnerError, SandboxError, StepFile, place,
};
use std::collections::BTreeSet;
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread")]
async fn from_launch_to_bundle_and_nothing_left() {
    with(
        |_| {},
        |rig| async move {
            let repository = rig.repository();
            let workspace = rig.launch(1).await;
            workspace
                .put(&repository.bundle, &repository.base)
                .await
                .unwrap();
            let mut step = workspace
                .start(shell(
                    "agent",
                    "cat hello.txt; echo more >> hello.txt; mkdir d; echo x > d/new",
                ))
                .await
                .unwrap();
            let (said, exit) = finish(&mut step).await;
            assert_eq!(
                (said.as_str(), exit.status),
                ("hello\n", ExitStatus::Code(0))
            );
            assert!(
                !exit.output_truncated && exit.output_bytes == 6 && exit.strays_killed == 0,
                "{exit:?}"
            );

            let collected = workspace
                .collect(rig.request(&repository, 1 << 20))
                .await
                .unwrap();
            let sortie_sandbox::Collected::Bundle { commit, bytes } = collected else {
                panic!("{collected:?}")
            };
            assert_eq!(std::fs::metadata(rig.result()).unwrap().len(), bytes);
            assert_eq!(repository.fetch(&rig.result()), commit);
            assert_eq!(
                repository.git(&["show", "refs/out:hello.txt"]),
                "hello\nmore"
            );
            assert_eq!(repository.git(&["show", "refs/out:d/new"]), "x");
            assert_eq!(
                repository.git(&["log", "--format=%an <%ae> %s %P", "-1", "refs/out"]),
                format!("Agent <a@localhost> Do it {}", repository.base)
            );

            assert_eq!(rig.sandbox.list().await.unwrap().len(), 1);
            workspace.destroy().await.unwrap();
            assert_eq!(rig.sandbox.list().await.unwrap(), []);
            let swept = rig.sandbox.sweep(&Default::default()).await.unwrap();
            assert_eq!(
                swept,
                Default::default(),
                "container and volume are gone already"
            );
            assert!(
                !rig.sandbox.remove(1).await.unwrap(),
                "removing again is no error"
            );
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_has_a_second_container_that_is_its_own() {
    with(
        |_| {},
        |rig| async move {
            let repository = rig.repository();
            let work = rig.launch(1).await;
            work.put(&repository.bundle, &repository.base)
                .await
                .unwrap();
            let second = LaunchSpec {
                part: Part::Check,
                ..spec(1, 1)
            };
            let check = rig
                .sandbox
                .launch(second.clone(), Arc::new(Closed))
                .await
                .unwrap();
            assert_ne!(work.container(), check.container());
            // It sees nothing of the other's files.
            let mut step = check.start(shell("look", "ls /work/repo")).await.unwrap();
            assert_eq!(finish(&mut step).await.0, "");
            let again = rig.sandbox.launch(second.clone(), Arc::new(Closed)).await;
            assert!(
                matches!(again, Err(SandboxError::AlreadyLaunched { run: 1 })),
                "{again:?}"
            );

            // A host that starts anew finds the one where the work is done.
            let adopted = rig.adopt(1, 2).await;
            assert_eq!(adopted.container(), work.container());
            let kept = rig
                .restarted()
                .await
                .sweep(&BTreeSet::from([1]))
                .await
                .unwrap();
            assert_eq!(kept.containers, 0);
            check.destroy().await.unwrap();
            let left = rig.sandbox.list().await.unwrap();
            assert_eq!(left.len(), 1);
            assert_eq!(
                (left[0].part, left[0].container.as_str()),
                (Part::Work, work.container())
            );

            // The end of a run takes both.
            rig.sandbox.launch(second, Arc::new(Closed)).await.unwrap();
            assert!(rig.sandbox.remove(1).await.unwrap());
            assert_eq!(rig.sandbox.list().await.unwrap(), []);
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_gets_what_it_is_given() {
    with(|_| {}, |rig| async move {
        let workspace = rig.launch(1).await;
        let mut spec = shell("one", "pwd; cat; echo $GIVEN $HOME $http_proxy >&2; ~/bin/tool; cat /tmp/deep/file; exit 7");
        spec.cwd = "/work/elsewhere".into();
        spec.env = vec![("GIVEN".into(), "yes".into())];
        spec.stdin = Some("in\n".into());
        spec.files = vec![
            StepFile { path: format!("{}/bin/tool", place::HOME), contents: "#!/bin/sh\necho tool\n".into(), executable: true },
            StepFile { path: "/tmp/deep/file".into(), contents: "file\n".into(), executable: false },
        ];
        let mut step = workspace.start(spec.clone()).await.unwrap();
        let (mut out, mut err) = (Vec::new(), Vec::new());
        while let Some(output) = step.next_output().await.unwrap() {
            match output.stream {
                OutputStream::Stdout => out.extend_from_slice(&output.bytes),
                OutputStream::Stderr => err.extend_from_slice(&output.bytes),
            }
        }
        assert_eq!(String::from_utf8(out).unwrap(), "/work/elsewhere\nin\ntool\nfile\n");
        assert_eq!(String::from_utf8(err).unwrap(), "yes /work/home http://127.0.0.1:3128\n");
        assert_eq!(step.wait().await.unwrap().status, ExitStatus::Code(7));

        // The same id again starts nothing and tells the same.
        let mut again = workspace.start(spec).await.unwrap();
        assert!(finish(&mut again).await.0.contains("/work/elsewhere\nin\n"));
        assert_eq!(workspace.status().await.unwrap().steps.len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_done_says_why() {
    with(
        |_| {},
        |rig| async move {
            let workspace = rig.launch(1).await;
            let runner = |error: SandboxError| match error {
                SandboxError::Runner(error) => error,
                other => panic!("not the runner's: {other}"),
            };
            let mut spec = shell("nowhere", "true");
            spec.argv = vec!["/no/such/program".into()];
            let error = runner(workspace.start(spec.clone()).await.unwrap_err());
            assert!(matches!(error, RunnerError::Spawn { .. }), "{error}");
            // It never started, so its name is free.
            spec.argv = vec!["true".into()];
            assert_eq!(
                workspace
                    .start(spec)
                    .await
                    .unwrap()
                    .wait()
                    .await
                    .unwrap()
                    .status,
                ExitStatus::Code(0)
            );

            let mut spec = shell("escape", "true");
            spec.files = vec![StepFile {
                path: "/work/../etc/x".into(),
                contents: "".into(),
                executable: false,
            }];
            assert!(matches!(
                runner(workspace.start(spec).await.unwrap_err()),
                RunnerError::Invalid { .. }
            ));

            let unknown = runner(workspace.step("never", 0).await.unwrap_err());
            assert!(
                matches!(unknown, RunnerError::UnknownStep { .. }),
                "{unknown}"
            );
            assert!(matches!(
                runner(workspace.discard().await.unwrap_err()),
                RunnerError::NoWorkspace
            ));

            let running = workspace.start(shell("long", "sleep 1000")).await.unwrap();
            let busy = runner(workspace.start(shell("second", "true")).await.unwrap_err());
            assert_eq!(
                busy,
                RunnerError::Busy {
                    step: "long".into()
                }
            );
            let again = rig
                .sandbox
                .launch(
                    crate::rig::spec(1, 2),
                    std::sync::Arc::new(crate::rig::Closed),
                )
                .await;
            assert!(matches!(
                again.unwrap_err(),
                SandboxError::AlreadyLaunched { run: 1 }
            ));
            running.kill().await.unwrap();
            let repository = rig.repository();
            let wrong = "0".repeat(40);
            let error = runner(workspace.put(&repository.bundle, &wrong).await.unwrap_err());
            assert!(matches!(error, RunnerError::WrongBase { .. }), "{error}");
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_whose_host_goes_away_at_once_ends_itself() {
    // No hello comes: what a host leaves that is killed in the middle of a launch.
    let output = crate::rig::command("docker")
        .args([
            "run",
            "--rm",
            "-i",
            "--network",
            "none",
            &crate::rig::image(),
        ])
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    assert!(
        output.stdout.starts_with(b"SORTIEw\n"),
        "it did greet: {output:?}"
    );
    assert_eq!(output.status.code(), Some(125));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_launch_that_is_given_up_can_be_swept() {
    with(
        |_| {},
        |rig| async move {
            let sandbox = rig.sandbox.clone();
            let launch = tokio::spawn(async move {
                sandbox
                    .launch(
                        crate::rig::spec(1, 1),
                        std::sync::Arc::new(crate::rig::Closed),
                    )
                    .await
            });
            while rig.sandbox.list().await.unwrap().is_empty() {
                tokio::task::yield_now().await;
            }
            launch.abort();
            // It may have come to its end before; then its workspace is dropped here.
            let given_up = launch.await.is_err();
            let swept = rig.sandbox.sweep(&Default::default()).await.unwrap();
            assert_eq!(swept.containers, usize::from(given_up));
        },
    )
    .await;
}
