//! The second factor: codes of six digits that change every half minute (TOTP, RFC 6238), each good once.

use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OptionalExtension};
use totp_rs::{Builder, Secret, Totp};

use super::sealed::Keeper;
use crate::fault::Fault;
use crate::site::Site;

/// Seconds for which a code is shown; one step earlier or later is taken, too.
const STEP: u64 = 30;
const SKEW: u64 = 1;
const SECRET_BYTES: usize = 20;

pub(super) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS second_factors (
    person INTEGER PRIMARY KEY, sealed BLOB NOT NULL, own INTEGER NOT NULL, last_step INTEGER NOT NULL);
";

/// What an authenticator and the site share.
pub(crate) struct Factor(Totp);

impl Factor {
    /// Reads a secret in base 32, as authenticators show it: spaces, hyphens, padding and case make no difference.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let digits: String = text
            .chars()
            .filter(|digit| !digit.is_whitespace() && !matches!(digit, '-' | '='))
            .map(|digit| digit.to_ascii_uppercase())
            .collect();
        // The text is not quoted: it is a secret.
        let secret =
            Secret::try_from_base32(digits).map_err(|_| "the secret of a second factor is not base 32 (A to Z and 2 to 7)".to_owned())?;
        Self::of(secret)
    }

    fn of(secret: Secret) -> Result<Self, String> {
        Builder::new()
            .with_secret(secret)
            .with_step_duration(STEP)
            .build()
            .map(Self)
            .map_err(|_| "the secret of a second factor has at least 128 bits: 26 digits of base 32".to_owned())
    }

    fn random() -> Result<Self, String> {
        let mut bytes = [0_u8; SECRET_BYTES];
        getrandom::fill(&mut bytes).map_err(|error| error.to_string())?;
        Self::of(Secret::new_stack(bytes))
    }

    /// The secret in base 32.
    pub(crate) fn secret(&self) -> String {
        self.0.secret().to_base32()
    }

    /// The code of this moment.
    pub(crate) fn code(&self) -> String {
        self.code_of(step_now())
    }

    fn code_of(&self, step: u64) -> String {
        self.0.generate(step * STEP).to_string()
    }

    /// The steps whose code this is, of those that are taken now.
    fn step_of(&self, code: &str) -> impl Iterator<Item = u64> {
        let now = step_now();
        (now.saturating_sub(SKEW)..=now + SKEW).filter(move |step| self.code_of(*step) == code)
    }
}

fn step_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs() / STEP)
}

/// What is wrong with a code.
pub(super) enum Wrong {
    Missing,
    NotSetUp,
    Code,
}

struct Kept {
    factor: Factor,
    /// The last step whose code was taken.
    last_step: u64,
}

fn about(person: i64) -> String {
    format!("second factor of person {person}")
}

fn kept(connection: &Connection, keeper: &Keeper, person: i64, all: bool) -> Result<Option<Kept>, Fault> {
    let row: Option<(Vec<u8>, i64)> = connection
        .prepare_cached("SELECT sealed, last_step FROM second_factors WHERE person = ?1 AND (own OR ?2)")?
        .query_row((person, all), |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((sealed, last_step)) = row else {
        return Ok(None);
    };
    let secret = keeper.open(&about(person), &sealed)?;
    let factor = Factor::of(Secret::from(secret)).map_err(Fault::store)?;
    let last_step = last_step.cast_unsigned();
    Ok(Some(Kept { factor, last_step }))
}

/// Gives a person a second factor in the place of the one before. One that is not the person's `own` counts only while the
/// site wants one of everybody.
pub(crate) fn set_up(connection: &Connection, keeper: &Keeper, person: i64, factor: &Factor, own: bool) -> Result<(), Fault> {
    let sealed = keeper.seal(&about(person), factor.0.secret().as_bytes())?;
    connection.execute(
        "INSERT INTO second_factors (person, sealed, own, last_step) VALUES (?1, ?2, ?3, 0)
         ON CONFLICT (person) DO UPDATE SET sealed = excluded.sealed, own = excluded.own, last_step = 0",
        (person, sealed, own),
    )?;
    Ok(())
}

/// Gives a person a second factor with a new secret.
pub(crate) fn set_up_new(connection: &Connection, keeper: &Keeper, person: i64, own: bool) -> Result<Factor, Fault> {
    let factor = Factor::random().map_err(Fault::store)?;
    set_up(connection, keeper, person, &factor, own)?;
    Ok(factor)
}

/// Gives one to every active person who has none: the site wants one of everybody from now on.
pub(crate) fn set_up_all(connection: &Connection, keeper: &Keeper) -> Result<(), Fault> {
    let mut statement = connection.prepare(
        "SELECT id FROM \"t_HumanUser\" WHERE _retired = 0 AND sg_status_list = 'act'
         AND id NOT IN (SELECT person FROM second_factors)",
    )?;
    let people: Vec<i64> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for person in people {
        set_up_new(connection, keeper, person, false)?;
    }
    Ok(())
}

/// The secret of a person's second factor, if there is one that counts.
pub(crate) fn secret(connection: &Connection, keeper: &Keeper, person: i64, required: bool) -> Result<Option<String>, Fault> {
    let kept = kept(connection, keeper, person, required)?;
    Ok(kept.map(|kept| kept.factor.secret()))
}

/// A code that will be taken: that of now, or of the next half minute when that of now was used. The text says why
/// there is none.
pub(crate) fn usable_code(site: &Site, person: i64) -> Result<Result<String, &'static str>, Fault> {
    let required = site.auth.settings().two_factor;
    let kept = site
        .store
        .read(|connection| kept(connection, &site.auth.keeper, person, required))?;
    let now = step_now();
    let Some(kept) = kept else {
        return Ok(Err("has no second factor"));
    };
    let unused = (now..=now + SKEW).find(|step| *step > kept.last_step);
    Ok(unused
        .map(|step| kept.factor.code_of(step))
        .ok_or("has used the codes of this half minute and the next"))
}

/// Takes a person's code, which is used up by that. `required` is whether the site wants one of everybody.
pub(super) fn take(site: &Site, person: i64, code: Option<&str>, required: bool) -> Result<Result<(), Wrong>, Fault> {
    let kept = site
        .store
        .read(|connection| kept(connection, &site.auth.keeper, person, required))?;
    let Some(kept) = kept else {
        return Ok(if required { Err(Wrong::NotSetUp) } else { Ok(()) });
    };
    let Some(code) = code else {
        return Ok(Err(Wrong::Missing));
    };
    let Some(step) = kept.factor.step_of(code.trim()).find(|step| *step > kept.last_step) else {
        return Ok(Err(Wrong::Code));
    };
    // Of two calls with one code that come at once, one is first.
    let taken = site.store.write(|connection| {
        Ok(connection.execute(
            "UPDATE second_factors SET last_step = ?1 WHERE person = ?2 AND last_step < ?1",
            (step.cast_signed(), person),
        )?)
    })?;
    Ok(if taken == 1 { Ok(()) } else { Err(Wrong::Code) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_rfc() {
        // RFC 6238, appendix B, the last six of its eight digits.
        let factor = Factor::parse("GEZD GNBV-gy3tqojqGEZDGNBVGY3TQOJQ====").unwrap();
        for (time, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_234_567_890, "005924"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(factor.code_of(time / STEP), code);
        }
        assert_eq!(factor.secret(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    }

    #[test]
    fn secrets_that_are_none_are_told_without_being_quoted() {
        for text in ["", "GEZDGNBV", "not base 32 at all!!", "0189018901890189018901890189"] {
            let reason = Factor::parse(text).err().unwrap();
            assert!(reason.contains("base 32"), "{reason}");
            assert!(text.is_empty() || !reason.contains(text), "{reason}");
        }
    }
}
