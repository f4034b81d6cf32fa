//! Names, and who may use what they stand for.

use super::*;
use sortie_model::budget::MicroUsd;

fn registry() -> Models {
    let provider = |kind: ProviderKind| (kind, kind.apis().to_vec());
    let free = ModelSpec {
        price: Some(Price::FREE),
        bounds: ModelBounds {
            context: Some(32_000),
            output: None,
        },
        ..ModelSpec::default()
    };
    Models::new(ModelsOptions {
        providers: [
            ("anthropic".to_owned(), provider(ProviderKind::Anthropic)),
            ("openai".to_owned(), provider(ProviderKind::Openai)),
            ("local".to_owned(), provider(ProviderKind::Compatible)),
        ]
        .into(),
        aliases: [
            ("fast".to_owned(), "openai/gpt-5-mini".to_owned()),
            ("shut".to_owned(), "openai/gpt-5-pro".to_owned()),
        ]
        .into(),
        specs: [("local/qwen/3-coder".to_owned(), free)].into(),
        max_output_tokens: Some(32_768),
    })
}

fn policy() -> ModelPolicy {
    ModelPolicy {
        default: Some("claude-sonnet-4-5".into()),
        roles: [("plan".to_owned(), "anthropic/claude-opus-4-5".to_owned())].into(),
        allow: vec!["fast".into(), "local/*".into()],
    }
}

fn long(name: &str) -> Result<String, UnknownModel> {
    registry()
        .resolve(&policy(), name)
        .map(|target| target.long_name())
}

#[test]
fn every_way_to_name_a_model_leads_to_it() {
    for (name, expected) in [
        ("claude-sonnet-4-5", "anthropic/claude-sonnet-4-5"),
        ("anthropic/claude-sonnet-4-5", "anthropic/claude-sonnet-4-5"),
        ("build", "anthropic/claude-sonnet-4-5"),
        ("plan", "anthropic/claude-opus-4-5"),
        ("claude-opus-4-5", "anthropic/claude-opus-4-5"),
        ("fast", "openai/gpt-5-mini"),
        ("gpt-5-mini", "openai/gpt-5-mini"),
        ("local/qwen/3-coder", "local/qwen/3-coder"),
        ("qwen/3-coder", "local/qwen/3-coder"),
        ("local/anything", "local/anything"),
    ] {
        assert_eq!(long(name).as_deref(), Ok(expected), "{name}");
    }
}

#[test]
fn what_the_policy_does_not_name_is_refused_with_what_there_is() {
    let endless = "x".repeat(10_000);
    for name in [
        "gpt-5-pro",
        "openai/gpt-5-pro",
        "shut",
        "anthropic/claude-haiku-4-5",
        "openai/",
        "openai/*",
        "/",
        "",
        "nobody",
        "vision/../plan",
        &endless,
    ] {
        let error = long(name).expect_err(name);
        assert!(error.name.len() <= MAX_NAME_CHARS);
        let text = error.to_string();
        for known in ["anthropic/claude-sonnet-4-5", "fast", "local/*"] {
            assert!(text.contains(known), "{text}");
        }
        assert!(
            !error.known.iter().any(|known| known.contains("pro")),
            "{text}"
        );
    }
    let nothing = registry().resolve(&ModelPolicy::default(), "build");
    assert!(
        nothing
            .expect_err("no model")
            .to_string()
            .contains("[models]")
    );
}

#[test]
fn a_role_is_told_a_name_that_leads_back_to_its_model() {
    let models = registry();
    let info = models.for_role(&policy(), role::BUILD).expect("a model");
    assert_eq!(info.name, "claude-sonnet-4-5");
    assert_eq!(info.apis, [ModelApi::Messages]);
    assert_eq!(
        (info.context_tokens, info.output_tokens),
        (Some(200_000), Some(32_768))
    );
    assert!(info.vision);
    for role in role::ALL {
        let info = models.for_role(&policy(), role).expect("a model");
        models
            .resolve(&policy(), &info.name)
            .expect("the name is good");
    }
    assert_eq!(models.for_role(&ModelPolicy::default(), role::BUILD), None);
}

#[test]
fn a_price_of_the_operator_goes_before_the_shipped_one() {
    let mut options = registry().options;
    let dear = Price {
        rates: super::super::prices::rates(MicroUsd(7), MicroUsd(9)),
        long: None,
    };
    let spec = ModelSpec {
        price: Some(dear),
        ..ModelSpec::default()
    };
    options.specs.insert("claude-sonnet-4-5".into(), spec);
    let target = Models::new(options)
        .resolve(&policy(), "build")
        .expect("a model");
    assert_eq!(target.price, Some(dear));
    assert_eq!(target.bounds.context, Some(200_000), "the rest is known");
}

#[test]
fn what_cannot_work_is_named() {
    let policy = ModelPolicy {
        default: Some("local/unpriced".into()),
        roles: [("plan".to_owned(), "nobody".to_owned())].into(),
        allow: vec!["gone/*".into(), "fast".into()],
    };
    let faults = registry().faults(&policy);
    assert_eq!(faults.len(), 3, "{faults:?}");
    assert!(faults[0].contains("price = \"free\""), "{faults:?}");
    assert!(faults[1].contains("provider/model"), "{faults:?}");
    assert!(faults[2].contains("no provider \"gone\""), "{faults:?}");
}
