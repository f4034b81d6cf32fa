//! What comes out of the work tree is what is in it, whatever the agent did to
//! git.

use crate::rig::{Repository, Rig, finish, shell, with};
use sortie_sandbox::{Collected, ExitStatus, RunnerError, SandboxError, Workspace};

async fn ready(rig: &Rig) -> (Repository, Workspace) {
    let repository = rig.repository();
    let workspace = rig.launch(1).await;
    workspace
        .put(&repository.bundle, &repository.base)
        .await
        .unwrap();
    (repository, workspace)
}

async fn run(workspace: &Workspace, id: &str, script: &str) -> String {
    let (said, exit) = finish(
        &mut workspace
            .start(shell(id, &format!("set -e\n{script}")))
            .await
            .unwrap(),
    )
    .await;
    assert_eq!(exit.status, ExitStatus::Code(0), "{said}");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_changed_is_said() {
    with(|_| {}, |rig| async move {
        let (repository, workspace) = ready(&rig).await;
        assert_eq!(workspace.collect(rig.request(&repository, 1 << 20)).await.unwrap(), Collected::Unchanged);
        // Nor is there a change in commits that cancel each other, or in what is ignored.
        run(&workspace, "void", "mkdir ignored; echo x > ignored/x; echo y > y; git add y; git commit -qm y; git rm -q y; git commit -qm n").await;
        assert_eq!(workspace.collect(rig.request(&repository, 1 << 20)).await.unwrap(), Collected::Unchanged);
        assert!(!rig.result().exists());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agents_commits_are_kept_if_they_build_on_the_base() {
    with(
        |_| {},
        |rig| async move {
            let (repository, workspace) = ready(&rig).await;
            run(
                &workspace,
                "a",
                "echo one > one; git add one; git commit -qm 'mine'; echo two > two",
            )
            .await;
            workspace
                .collect(rig.request(&repository, 1 << 20))
                .await
                .unwrap();
            repository.fetch(&rig.result());
            assert_eq!(
                repository.git(&["log", "--format=%s", "refs/out"]),
                "Do it\nmine\nfirst"
            );

            // History made up from nothing is not.
            run(
                &workspace,
                "b",
                "git checkout -q --orphan other; git commit -qm 'alien'",
            )
            .await;
            workspace
                .collect(rig.request(&repository, 1 << 20))
                .await
                .unwrap();
            repository.git(&["update-ref", "-d", "refs/out"]);
            repository.fetch(&rig.result());
            assert_eq!(
                repository.git(&["log", "--format=%s", "refs/out"]),
                "Do it\nfirst"
            );
            assert_eq!(repository.git(&["show", "refs/out:two"]), "two");
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prepared_repository_hides_nothing_and_runs_nothing() {
    with(|_| {}, |rig| async move {
        let (repository, workspace) = ready(&rig).await;
        run(&workspace, "trap", r#"
            printf '#!/bin/sh\necho ran >> /work/ran\ncat' > /work/evil; chmod +x /work/evil
            for h in pre-commit post-commit post-index-change reference-transaction post-checkout; do cp /work/evil .git/hooks/$h 2>/dev/null || { mkdir -p .git/hooks; cp /work/evil .git/hooks/$h; }; done
            git config core.fsmonitor /work/evil
            git config filter.f.clean /work/evil; git config filter.f.smudge /work/evil
            git config core.pager /work/evil; git config core.editor /work/evil; git config core.worktree /work/home
            git config core.excludesFile /work/excludes; echo '*' > /work/excludes; mkdir -p .git/info; echo '*' > .git/info/exclude
            git config core.ignoreStat true
            echo '* filter=f' > .gitattributes
            GIT_WORK_TREE=. git -c core.fsmonitor= update-index --assume-unchanged hello.txt
            GIT_WORK_TREE=. git -c core.fsmonitor= update-index --skip-worktree .gitignore
            echo changed > hello.txt; echo 'other/' > .gitignore; echo new > new
            rm -f /work/ran
        "#).await;
        let collected = workspace.collect(rig.request(&repository, 1 << 20)).await.unwrap();
        assert!(matches!(collected, Collected::Bundle { .. }), "{collected:?}");
        let commit = repository.fetch(&rig.result());
        assert_eq!(repository.git(&["show", "refs/out:hello.txt"]), "changed");
        assert_eq!(repository.git(&["show", "refs/out:.gitignore"]), "other/");
        assert_eq!(repository.git(&["show", "refs/out:new"]), "new");

        // Put back to what was collected: exactly that, whatever the index claims.
        run(&workspace, "tamper", "echo sneaky > hello.txt; echo extra > extra; mkdir -p deep/er; echo x > deep/er/x").await;
        workspace.reset(&commit, false).await.unwrap();
        let said = run(&workspace, "look", "cat hello.txt; ls; test ! -e /work/ran && echo nothing ran").await;
        assert_eq!(said, "changed\nhello.txt\nnew\nnothing ran\n");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn discarding_leaves_the_base() {
    with(|_| {}, |rig| async move {
        let (repository, workspace) = ready(&rig).await;
        run(&workspace, "mess", "rm hello.txt; mkdir hello.txt ignored; echo x > hello.txt/x; echo x > ignored/x; git init -q nested; git checkout -q -b away").await;
        workspace.discard().await.unwrap();
        let said = run(&workspace, "look", "cat hello.txt; ls -A | tr '\\n' ' '; git status --short; git rev-parse HEAD; git branch --show-current").await;
        assert_eq!(said, format!("hello\n.git .gitignore hello.txt {}\nsortie/work\n", repository.base));
        assert_eq!(workspace.collect(rig.request(&repository, 1 << 20)).await.unwrap(), Collected::Unchanged);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_collected_is_an_error() {
    with(
        |_| {},
        |rig| async move {
            let (repository, workspace) = ready(&rig).await;
            run(&workspace, "large", "head -c 2M /dev/urandom > large").await;
            let error = workspace
                .collect(rig.request(&repository, 1 << 20))
                .await
                .unwrap_err();
            assert!(
                matches!(error, SandboxError::Runner(RunnerError::TooLarge { .. })),
                "{error}"
            );
            run(&workspace, "gone", "rm -rf .git; ln -s /etc .git").await;
            let error = workspace
                .collect(rig.request(&repository, 1 << 30))
                .await
                .unwrap_err();
            assert!(
                matches!(error, SandboxError::Runner(RunnerError::Git { .. })),
                "{error}"
            );
            assert!(!rig.result().exists());
            // Even from there a new start is possible.
            run(
                &workspace,
                "locked",
                "mkdir -p a/b; touch a/b/c; chmod 000 a/b a",
            )
            .await;
            workspace
                .put(&repository.bundle, &repository.base)
                .await
                .unwrap();
            assert_eq!(
                run(&workspace, "fresh", "cat hello.txt; ls").await,
                "hello\nhello.txt\n"
            );
        },
    )
    .await;
}
