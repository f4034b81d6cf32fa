use super::*;
use crate::policy::tests::policy;

/// Where that repository's jobs would go.
fn targets(repository: &str) -> Result<Target, IntakeError> {
    let project = |name: &str, repository: &str| Project {
        name: name.into(),
        repository: repository.into(),
        base_branch: None,
        policy: policy(),
    };
    let allowed = Allowed {
        repositories: ["https://github.com/**", "ssh://*/**", "file:///**", "*:*/*"]
            .map(str::to_owned)
            .into(),
        ..Allowed::default()
    };
    let sets = allowed.compile().expect("globs");
    let projects = vec![
        project("app", "https://github.com/acme/app.git"),
        project("large", "https://cased.example/Lib"),
        project("small", "https://cased.example/lib"),
        project("one", "https://twice.example/x"),
        project("two", "git@twice.example:x.git"),
        project("local", "/nowhere/shop.git"),
    ];
    let targets = Targets::new(projects, policy(), sets.repositories).expect("targets");
    targets.find(&SubmitRequest {
        repository: Some(repository.into()),
        ..SubmitRequest::default()
    })
}

#[test]
fn a_configured_repository_is_found_however_it_is_spelled() {
    for (repository, expected) in [
        ("https://github.com/acme/app", "app"),
        (" https://github.com/acme/app.git ", "app"),
        ("https://github.com/Acme/App", "app"),
        ("https://github.com./acme/%61pp/", "app"),
        ("ssh://git@github.com:22/acme/app", "app"),
        ("someone@GitHub.com:ACME/app.git", "app"),
        ("ssh://git@ssh.github.com:443/acme/app.git", "app"),
        ("https://cased.example/Lib", "large"),
        ("git@cased.example:lib", "small"),
        ("file:///nowhere//shop", "local"),
        ("/nowhere/shop.git ", "local"),
    ] {
        match targets(repository) {
            Ok(Target::Configured(project)) => {
                assert_eq!(project.name, expected, "{repository}");
            }
            other => panic!("{repository}: {other:?}"),
        }
    }
}

#[test]
fn another_repository_is_no_project() {
    for repository in [
        "https://github.com/acme/app2",
        "ssh://git@github.com:2222/acme/app",
        "/nowhere/Shop.git",
    ] {
        assert!(
            matches!(targets(repository), Ok(Target::Allowed(_))),
            "{repository}"
        );
    }
}

#[test]
fn what_leads_elsewhere_matches_no_pattern() {
    for repository in [
        "https://github.com/open/../acme/app",
        "https://github.com/open/%2e%2e/acme/app",
        "https://github.com/open%2f..%2facme/app",
        "git@github.com:open/../acme/app",
        "/nowhere/open/../shop.git",
    ] {
        assert!(
            matches!(targets(repository), Err(IntakeError::BadRepository(_))),
            "{repository}"
        );
    }
    for repository in ["https://twice.example/X", "https://twice.example/x"] {
        assert!(matches!(
            targets(repository),
            Err(IntakeError::AmbiguousRepository { .. })
        ));
    }
}

#[test]
fn a_repository_has_one_name() {
    let name = |repository: &str| match targets(repository) {
        Ok(Target::Allowed(project)) => project.name,
        other => panic!("{repository}: {other:?}"),
    };
    let one = name("https://github.com/open/x.git");
    assert!(one.starts_with("x-"), "{one}");
    assert_eq!(one, name("ssh://git@GitHub.com/Open/X"));
    assert_ne!(one, name("https://github.com/other/x"));
}
