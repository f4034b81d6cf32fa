//! The buttons of messages. A service is told a random token for each; what it
//! does, for whom it counts and until when stands here alone.

use crate::db::{all, first, name, run, signed, unsigned};
use crate::error::{Result, StoreError};
use crate::limits::{BUTTON_LIFE_MS, MAX_BUTTONS, MAX_PRUNED};
use crate::store::Store;
use crate::types::Button;
use crate::writer::Tx;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rusqlite::{Connection, Row, params};
use sortie_model::clock::Timestamp;
use sortie_model::id::{ApprovalId, ChatNumber};

/// A button by its token.
pub(super) const BUTTON: &str = "SELECT m.plugin, b.number, m.source, m.chat, m.service_id,
         b.action, b.approval_id, b.approval_id IS NULL OR a.decision IS NULL, b.expires_at,
         b.used_by
     FROM chat_buttons b JOIN chat_messages m ON m.number = b.number
     LEFT JOIN approvals a ON a.id = b.approval_id
     WHERE b.token = ?1";

/// Buttons that expired long ago.
pub(super) const OLD: &str = "DELETE FROM chat_buttons WHERE token IN (
         SELECT token FROM chat_buttons WHERE expires_at < ?1 ORDER BY expires_at LIMIT ?2
     )";

impl Store {
    /// Forgets buttons that expired before that time. At most [`MAX_PRUNED`] at
    /// once: call it again until it says 0.
    pub async fn prune_buttons(&self, before: Timestamp) -> Result<usize> {
        self.write(move |tx| run(tx.conn, OLD, params![before.0, MAX_PRUNED]))
            .await
    }

    /// The button that has that token, whether it counts or not.
    pub async fn button(&self, token: &str) -> Result<Option<Button>> {
        let token = token.to_owned();
        self.look(move |conn| first(conn, BUTTON, [&token], button))
            .await
    }
}

fn button(row: &Row<'_>) -> Result<Button> {
    Ok(Button {
        plugin: row.get(0)?,
        number: ChatNumber(unsigned(row.get(1)?)),
        source: row.get(2)?,
        chat: row.get(3)?,
        service_id: row.get(4)?,
        action: row.get(5)?,
        approval: row
            .get::<_, Option<i64>>(6)?
            .map(|id| ApprovalId(unsigned(id))),
        is_open: row.get(7)?,
        expires_at: Timestamp(row.get(8)?),
        used_by: row.get(9)?,
    })
}

/// A button to be put on a message, with the token that it gets if the message
/// has none with that action.
pub(super) struct New {
    action: String,
    token: String,
}

/// Gives each action a token.
pub(super) fn mint(actions: Vec<String>) -> Result<Vec<New>> {
    if actions.len() > MAX_BUTTONS {
        return Err(StoreError::Invalid {
            what: "the message's buttons",
            detail: format!("{} are there, {MAX_BUTTONS} are allowed", actions.len()),
        });
    }
    let mint = |action: String| {
        name("what a button does", &action)?;
        let token = token()?;
        Ok(New { action, token })
    };
    actions.into_iter().map(mint).collect()
}

/// 16 random bytes as 22 characters that any service and address takes.
fn token() -> Result<String> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).map_err(|e| StoreError::Io {
        what: "draw a random token".into(),
        detail: e.to_string(),
    })?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// Makes these the buttons of a message. An action that it had keeps its token.
pub(super) fn put(tx: &Tx<'_>, number: ChatNumber, buttons: &[New]) -> Result<()> {
    let had: Vec<String> = all(
        tx.conn,
        "SELECT action FROM chat_buttons WHERE number = ?1",
        [signed(number.0)],
        |row| Ok(row.get(0)?),
    )?;
    for action in had {
        if !buttons.iter().any(|button| button.action == action) {
            run(
                tx.conn,
                "DELETE FROM chat_buttons WHERE number = ?1 AND action = ?2",
                params![signed(number.0), action],
            )?;
        }
    }
    for button in buttons {
        let question = question(tx.conn, &button.action)?;
        let expires_at = match question {
            Some((_, expires_at)) => expires_at,
            None => tx.now.0.saturating_add(BUTTON_LIFE_MS),
        };
        run(
            tx.conn,
            "INSERT INTO chat_buttons (token, number, action, approval_id, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (number, action) DO UPDATE SET expires_at = excluded.expires_at",
            params![
                button.token,
                signed(number.0),
                button.action,
                question.map(|(id, _)| id),
                expires_at
            ],
        )?;
    }
    Ok(())
}

/// The question that an action answers, and when it expires.
fn question(conn: &Connection, action: &str) -> Result<Option<(i64, i64)>> {
    let id = action
        .strip_prefix("answer:")
        .and_then(|rest| rest.split(':').next())
        .and_then(|id| id.parse::<i64>().ok());
    let Some(id) = id else { return Ok(None) };
    first(
        conn,
        "SELECT id, expires_at FROM approvals WHERE id = ?1",
        [id],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// A button was pressed. With whoever uses it, all buttons of its message are
/// used up.
pub(super) fn press(tx: &Tx<'_>, token: &str, used_by: Option<&str>) -> Result<()> {
    let number = first(
        tx.conn,
        "SELECT number FROM chat_buttons
         WHERE token = ?1 AND used_at IS NULL AND expires_at > ?2",
        params![token, tx.now.0],
        |row| Ok(row.get::<_, i64>(0)?),
    )?
    .ok_or(StoreError::ButtonUsed)?;
    if let Some(person) = used_by {
        run(
            tx.conn,
            "UPDATE chat_buttons SET used_at = ?2, used_by = ?3
             WHERE number = ?1 AND used_at IS NULL",
            params![number, tx.now.0, person],
        )?;
    }
    Ok(())
}
