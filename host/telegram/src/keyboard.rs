//! Buttons under a message. What travels is the token alone: what a button does
//! is known to the host, and nobody can make one up.

use sortie_plugins::outside::ChatMessage;
use teloxide_core::types::{InlineKeyboardButton, InlineKeyboardMarkup};

/// The keyboard of a message; none when it has no buttons. `tokens` has the
/// token of each action; a button without one is left out.
pub(crate) fn of(
    message: &ChatMessage,
    tokens: &[(String, String)],
) -> Option<InlineKeyboardMarkup> {
    let token = |action: &str| {
        let found = tokens.iter().find(|(own, _)| own == action);
        found.map(|(_, token)| token.clone())
    };
    let rows: Vec<Vec<InlineKeyboardButton>> = message
        .buttons
        .iter()
        .map(|row| {
            row.iter()
                .filter_map(|button| {
                    let token = token(&button.action)?;
                    Some(InlineKeyboardButton::callback(button.label.as_str(), token))
                })
                .collect()
        })
        .filter(|row: &Vec<_>| !row.is_empty())
        .collect();
    (!rows.is_empty()).then(|| InlineKeyboardMarkup::new(rows))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sortie_plugins::outside::{Button, Format};

    #[test]
    fn buttons_carry_their_tokens_and_those_without_one_are_left_out() {
        let button = |action: &str| Button {
            label: action.to_uppercase(),
            action: action.to_owned(),
        };
        let message = ChatMessage {
            text: "?".into(),
            format: Format::Plain,
            buttons: vec![vec![button("yes"), button("no")], vec![button("gone")]],
            reply_to: None,
            silent: false,
        };
        let tokens = [("yes", "t1"), ("no", "t2")].map(|(a, t)| (a.to_owned(), t.to_owned()));
        let keyboard = of(&message, &tokens).expect("there are buttons");
        let json = serde_json::to_value(&keyboard).expect("is JSON");
        assert_eq!(
            json,
            serde_json::json!({"inline_keyboard": [[
                {"text": "YES", "callback_data": "t1"},
                {"text": "NO", "callback_data": "t2"},
            ]]})
        );
        assert_eq!(of(&message, &[]), None);
    }
}
