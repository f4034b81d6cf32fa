//! What a badly behaved step does, and what it does not achieve.

use crate::rig::{Closed, finish, shell, spec, with};
use sortie_sandbox::{Adoption, Ending, ExitStatus, KillReason};
use std::sync::Arc;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_hanging_step_ends_at_its_limit() {
    with(
        |_| {},
        |rig| async move {
            let workspace = rig.launch(1).await;
            let mut spec = shell(
                "hang",
                "trap 'echo asked' TERM; trap '' INT HUP; while :; do sleep 1000; done",
            );
            spec.wall_limit_ms = 500;
            let mut step = workspace.start(spec).await.unwrap();
            let (said, exit) = finish(&mut step).await;
            assert_eq!(exit.status, ExitStatus::TimedOut);
            assert!((500..20_000).contains(&exit.duration_ms), "{exit:?}");
            // Asked first; whether it came to say so is its own affair.
            assert!(said.is_empty() || said.ends_with("asked\n"), "{said}");
            // The container is as good as before.
            let mut next = workspace.start(shell("next", "echo on")).await.unwrap();
            assert_eq!(finish(&mut next).await.0, "on\n");
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wall_clock_runs_without_a_host() {
    with(
        |_| {},
        |rig| async move {
            let mut launch = spec(1, 1);
            launch.wall_limit = Duration::from_secs(3);
            let workspace = rig.sandbox.launch(launch, Arc::new(Closed)).await.unwrap();
            let step = workspace.start(shell("hang", "sleep 1000")).await.unwrap();
            drop((step, workspace));
            let host = rig.restarted().await;
            while host.list().await.unwrap()[0].running {
                tokio::task::yield_now().await;
            }
            let adoption = host.adopt(1, 2, Arc::new(Closed)).await.unwrap();
            assert!(
                matches!(adoption, Adoption::Ended(Ending::WallLimit)),
                "{adoption:?}"
            );
            assert_eq!(
                host.list().await.unwrap(),
                [],
                "what is found dead is removed"
            );
            assert!(matches!(
                host.adopt(1, 2, Arc::new(Closed)).await.unwrap(),
                Adoption::Absent
            ));
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_host_hears_of_the_wall_limit_and_can_move_it() {
    with(
        |_| {},
        |rig| async move {
            let workspace = rig.launch(1).await;
            let mut step = workspace
                .start(shell("hang", "echo begun; sleep 1000"))
                .await
                .unwrap();
            assert_eq!(step.next_output().await.unwrap().unwrap().bytes, "begun\n");
            workspace
                .set_wall(Duration::from_millis(300))
                .await
                .unwrap();
            assert!(workspace.status().await.unwrap().wall_remaining_ms <= 300);
            let exit = step.wait().await.unwrap();
            assert_eq!(exit.status, ExitStatus::Killed(KillReason::WallLimit));
            workspace.closed().await;
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_forks_away_dies_with_its_step() {
    with(|_| {}, |rig| async move {
        let workspace = rig.launch(1).await;
        // Detached in every way there is, and holding the output open.
        let script = "setsid nohup bash -c 'trap \"\" TERM HUP INT; while :; do sleep 0.01; date > /work/alive; done' & \
                      (setsid sleep 2000 &) ; bash -c 'sleep 3000 & disown -a'; until [ -e /work/alive ]; do :; done; echo done";
        let mut step = workspace.start(shell("fork", script)).await.unwrap();
        let (said, exit) = finish(&mut step).await;
        assert!(said.ends_with("done\n"), "{said}");
        assert_eq!(exit.status, ExitStatus::Code(0));
        assert!(exit.strays_killed >= 3, "{exit:?}");
        let count = "n=0; for p in /proc/[0-9]*; do n=$((n+1)); done; echo $n";
        let mut next = workspace.start(shell("count", count)).await.unwrap();
        assert_eq!(finish(&mut next).await.0, "2\n", "PID 1 and the shell that counts");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_bomb_ends_when_told() {
    with(|options| options.limits.pids = 64, |rig| async move {
        let workspace = rig.launch(1).await;
        let script = "echo begun; bomb() { bomb 2>/dev/null | bomb 2>/dev/null & bomb 2>/dev/null; }; bomb; sleep 1000";
        let mut step = workspace.start(shell("bomb", script)).await.unwrap();
        assert_eq!(step.next_output().await.unwrap().unwrap().bytes, "begun\n");
        step.kill().await.unwrap();
        let exit = step.wait().await.unwrap();
        let killed = exit.status == ExitStatus::Killed(KillReason::Cancelled);
        // It may have come to its own end over the limit of processes first.
        assert!(killed || matches!(exit.status, ExitStatus::Code(_)), "{exit:?}");
        let mut next = workspace.start(shell("next", "echo on")).await.unwrap();
        assert_eq!(finish(&mut next).await.0, "on\n");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gigabyte_of_output_is_bounded_and_blocks_nothing() {
    with(
        |options| options.limits.memory_bytes = 128 << 20,
        |rig| async move {
            let workspace = rig.launch(1).await;
            let script = "echo first; yes 0123456789abcdef | head -c 1073741824; echo; echo last";
            let mut step = workspace.start(shell("loud", script)).await.unwrap();
            let (mut end, mut gaps) = (0u64, 0);
            let (mut head, mut tail) = (Vec::new(), Vec::new());
            while let Some(output) = step.next_output().await.unwrap() {
                gaps += u32::from(output.offset > end);
                end = output.offset + output.bytes.len() as u64;
                if head.is_empty() {
                    head = output.bytes.to_vec();
                }
                // The last line can come in two parts.
                tail.extend_from_slice(&output.bytes);
                tail.drain(..tail.len().saturating_sub(b"\nlast\n".len()));
            }
            let exit = step.wait().await.unwrap();
            assert_eq!(exit.status, ExitStatus::Code(0));
            assert_eq!(
                (exit.output_bytes, end),
                ((1 << 30) + 6 + 6, (1 << 30) + 6 + 6)
            );
            assert!(exit.output_truncated);
            // Read again, it is what was kept.
            let mut kept = 0;
            let mut again = workspace.step("loud", 0).await.unwrap();
            while let Some(output) = again.next_output().await.unwrap() {
                kept += output.bytes.len() as u64;
            }
            assert!(kept < (1 << 20) + (512 << 10), "kept {kept}, {gaps} gaps");
            assert!(head.starts_with(b"first\n") && tail == b"\nlast\n");
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_workspace_ends_the_step() {
    let few = |options: &mut sortie_sandbox::EngineOptions| {
        options.limits.workspace_bytes = 64 << 20;
        options.limits.workspace_files = 5_000;
    };
    with(few, |rig| async move {
        let full = ExitStatus::Killed(KillReason::WorkspaceFull);
        let workspace = rig.launch(1).await;
        let mut step = workspace
            .start(shell("large", "head -c 200M /dev/zero > big; sleep 1000"))
            .await
            .unwrap();
        assert_eq!(step.wait().await.unwrap().status, full);
        let script =
            "rm -f big; mkdir many; cd many; for i in {1..9000}; do : > $i; done; sleep 1000";
        let mut step = workspace.start(shell("many", script)).await.unwrap();
        assert_eq!(step.wait().await.unwrap().status, full);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_without_memory_is_told_apart() {
    with(
        |options| options.limits.memory_bytes = 64 << 20,
        |rig| async move {
            let workspace = rig.launch(1).await;
            let mut step = workspace
                .start(shell("eat", "exec tail /dev/zero"))
                .await
                .unwrap();
            let exit = step.wait().await.unwrap();
            assert_eq!(exit.status, ExitStatus::Oom, "{exit:?}");
            assert!(exit.oom_kills > 0);
            // The runner survives, because the step goes first.
            let mut next = workspace
                .start(shell("next", "echo on; kill -9 $$"))
                .await
                .unwrap();
            let (said, exit) = finish(&mut next).await;
            assert_eq!(
                (said.as_str(), exit.status),
                ("on\n", ExitStatus::Signal(9))
            );
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_step_may_put_things_in_order() {
    with(
        |_| {},
        |rig| async move {
            let workspace = rig.launch(1).await;
            let script = "trap 'echo bye; exit 3' TERM; echo begun; while :; do sleep 0.01; done";
            let mut step = workspace.start(shell("polite", script)).await.unwrap();
            assert_eq!(step.next_output().await.unwrap().unwrap().bytes, "begun\n");
            step.kill().await.unwrap();
            let (said, exit) = finish(&mut step).await;
            assert!(said.ends_with("bye\n"), "{said}");
            assert_eq!(exit.status, ExitStatus::Killed(KillReason::Cancelled));
            step.kill().await.unwrap();
        },
    )
    .await;
}
