//! The authentication part of every request, and the session token of a person.

use std::sync::{Arc, MutexGuard, PoisonError};

use once_cell::sync::OnceCell;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::credentials::{Credentials, Secret};
use super::error::Error;
use super::handover::Handover;
use super::info::SiteInfo;
use super::json::Object;
use super::mask::Mask;
use super::options::Options;

/// A session token and its number: the first is 1.
#[derive(Clone)]
pub(super) struct Token {
    pub(super) text: Secret,
    pub(super) generation: u64,
}

/// Who calls, and in whose name.
pub(super) struct Session {
    pub(super) credentials: Credentials,
    auth_token: Option<Secret>,
    sudo_as_login: Option<String>,
    session_uuid: Option<String>,
    /// The token in use.
    token: std::sync::Mutex<Option<Token>>,
    /// The parameters of a script's call, once there was one.
    script: OnceCell<Arc<Parameters>>,
    /// Those of a call with a token, as they were put together last.
    ready: std::sync::Mutex<Option<Ready>>,
    /// Locked while a session is being opened, so that many calls that find one ended renew it once. It holds the token that could
    /// not be renewed, when that was, and why: those who come right behind are told the same, since each wrong password counts
    /// towards a lock.
    pub(super) opening: Mutex<Option<(u64, Instant, Error)>>,
    /// What becomes of a session that the library cannot renew.
    pub(super) handover: Handover,
}

/// The parameters of calls with one token.
struct Ready {
    generation: u64,
    knows_wish: bool,
    parameters: Arc<Parameters>,
}

impl Session {
    pub(super) fn new(credentials: Credentials, options: &Options) -> Session {
        let token = match &credentials {
            Credentials::Session { token } => Some(Token {
                text: token.clone(),
                generation: 1,
            }),
            _ => None,
        };
        Session {
            credentials,
            auth_token: options.auth_token.clone(),
            sudo_as_login: options.sudo_as_login.clone(),
            session_uuid: options.session_uuid.clone(),
            token: std::sync::Mutex::new(token),
            script: OnceCell::new(),
            ready: std::sync::Mutex::default(),
            opening: Mutex::new(None),
            handover: Handover::default(),
        }
    }

    /// The token in use, if there is one.
    pub(super) fn token(&self) -> Option<Token> {
        self.held().clone()
    }

    /// The number of the token in use; 0 while there is none.
    pub(super) fn generation(&self) -> u64 {
        number(self.token().as_ref())
    }

    /// Uses another token from now on.
    pub(super) fn set_token(&self, text: Secret) -> Token {
        let token = place(&mut self.held(), text);
        self.forget_ready();
        token
    }

    /// Uses a token in place of the one with this number (0: of none), or the one that somebody has put there meanwhile.
    pub(super) fn replace_token(&self, generation: u64, text: Secret) -> Token {
        let mut held = self.held();
        match &*held {
            Some(newer) if newer.generation != generation => return newer.clone(),
            _ => {}
        }
        let token = place(&mut held, text);
        drop(held);
        self.forget_ready();
        token
    }

    /// Lets go of the parameters with a token that is not in use any more.
    fn forget_ready(&self) {
        let mut ready = self.ready();
        // Somebody may have put together those with the new one meanwhile.
        let newest = self.generation();
        drop(ready.take_if(|ready| ready.generation != newest));
    }

    fn ready(&self) -> MutexGuard<'_, Option<Ready>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn held(&self) -> MutexGuard<'_, Option<Token>> {
        self.token.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn acts_for_another(&self) -> bool {
        self.sudo_as_login.is_some()
    }

    /// The parameters of a script's call, which stay the same.
    pub(super) fn script(&self, name: &str, api_key: &Secret) -> Arc<Parameters> {
        let parameters = || Parameters::new().text("script_name", name).secret("script_key", Some(api_key));
        Arc::clone(self.script.get_or_init(|| Arc::new(self.finish(parameters()))))
    }

    /// The parameters of a call in a session: those that were put together last, where they still hold.
    pub(super) fn with_token(&self, token: &Token, info: Option<&SiteInfo>) -> Arc<Parameters> {
        // Sites before 5.4.4 do not know the wish; where the version is not known yet, it does no harm to express it.
        let knows_wish = info.is_none_or(|info| info.has([5, 4, 4]));
        let mut ready = self.ready();
        let last = ready
            .as_ref()
            .filter(|last| (last.generation, last.knows_wish) == (token.generation, knows_wish));
        if let Some(last) = last {
            return Arc::clone(&last.parameters);
        }
        let parameters = Parameters::new().secret("session_token", Some(&token.text));
        let parameters = if knows_wish {
            parameters.truth("reject_if_expired")
        } else {
            parameters
        };
        let parameters = Arc::new(self.finish(parameters));
        // A call that began before that may still have a token that was replaced.
        if self.generation() == token.generation {
            *ready = Some(Ready {
                generation: token.generation,
                knows_wish,
                parameters: Arc::clone(&parameters),
            });
        }
        parameters
    }

    /// The parameters that exchange a login and password for a session token. The one-time second factor goes along
    /// only the first time. The session is the person's own: acting for another is asked for with each call.
    pub(super) fn sign_in(&self, login: &str, password: &Secret, first: bool) -> Parameters {
        person(login, password, self.auth_token.as_ref().filter(|_| first))
    }

    /// The parameters of a call that a person makes without a session.
    pub(super) fn as_person(&self, login: &str, password: &Secret, auth_token: Option<&Secret>) -> Parameters {
        self.finish(person(login, password, auth_token))
    }

    /// The login of the person whom this client acts for or is, where it is known.
    pub(super) fn login(&self) -> Option<&str> {
        let own = match &self.credentials {
            Credentials::Person { login, .. } => Some(login.as_str()),
            _ => None,
        };
        self.sudo_as_login.as_deref().or(own)
    }

    /// All that proves who it is, as far as it can be told without waiting for a sign-in that is under way.
    pub(super) fn secrets(&self, mask: &mut Mask) {
        mask.secret(match &self.credentials {
            Credentials::Script { api_key, .. } => api_key,
            Credentials::Person { password, .. } => password,
            Credentials::Session { token } => token,
        });
        self.auth_token.iter().for_each(|token| mask.secret(token));
        self.token().iter().for_each(|token| mask.secret(&token.text));
        if let Some(mistaken) = self.credentials.mistaken() {
            mask.secret(&mistaken);
        }
    }

    fn finish(&self, parameters: Parameters) -> Parameters {
        let optional = |parameters: Parameters, name, text: &Option<String>| match text {
            Some(text) => parameters.text(name, text),
            None => parameters,
        };
        let parameters = optional(parameters, "session_uuid", &self.session_uuid);
        optional(parameters, "sudo_as_login", &self.sudo_as_login)
    }
}

fn number(token: Option<&Token>) -> u64 {
    token.map_or(0, |token| token.generation)
}

fn place(held: &mut Option<Token>, text: Secret) -> Token {
    let generation = number(held.as_ref()) + 1;
    held.insert(Token { text, generation }).clone()
}

fn person(login: &str, password: &Secret, auth_token: Option<&Secret>) -> Parameters {
    let parameters = Parameters::new().text("user_login", login).secret("user_password", Some(password));
    parameters.secret("auth_token", auth_token)
}

/// The credentials part of one request: an object of a remote call, or fields of a form.
pub(super) struct Parameters {
    all: Vec<(&'static str, Parameter)>,
    json: OnceCell<Secret>,
}

enum Parameter {
    Text(String),
    Secret(Secret),
    True,
}

impl Parameters {
    fn new() -> Parameters {
        Parameters {
            all: Vec::new(),
            json: OnceCell::new(),
        }
    }

    fn with(mut self, name: &'static str, value: Parameter) -> Parameters {
        self.all.push((name, value));
        self
    }

    fn text(self, name: &'static str, text: &str) -> Parameters {
        self.with(name, Parameter::Text(text.to_owned()))
    }

    fn secret(self, name: &'static str, secret: Option<&Secret>) -> Parameters {
        match secret {
            Some(secret) => self.with(name, Parameter::Secret(secret.clone())),
            None => self,
        }
    }

    fn truth(self, name: &'static str) -> Parameters {
        self.with(name, Parameter::True)
    }

    /// The JSON object of a remote call.
    pub(super) fn json(&self) -> &Secret {
        self.json.get_or_init(|| {
            let object = self.all.iter().fold(Object::new(), |object, (name, value)| match value {
                Parameter::Text(text) => object.text(name, text),
                Parameter::Secret(secret) => object.text(name, secret.expose()),
                Parameter::True => object.raw(name, "true"),
            });
            Secret::new(object.finish())
        })
    }

    /// The fields of a form, as texts.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.all.iter().map(|(name, value)| match value {
            Parameter::Text(text) => (*name, text.as_str()),
            Parameter::Secret(secret) => (*name, secret.expose()),
            Parameter::True => (*name, "True"),
        })
    }

    /// The secrets among them.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &Secret> {
        self.all.iter().filter_map(|(_, value)| match value {
            Parameter::Secret(secret) => Some(secret),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::document::Document;

    fn session(options: &Options) -> Session {
        let credentials = Credentials::Script {
            name: "s".into(),
            api_key: Secret::new("k"),
        };
        Session::new(credentials, options)
    }

    #[test]
    fn parameters_are_those_of_the_wire() {
        let options = Options {
            sudo_as_login: Some("bob".into()),
            session_uuid: Some("U-1".into()),
            auth_token: Some(Secret::new("123")),
            ..Options::default()
        };
        let session = session(&options);
        let script = session.script("s", &Secret::new("k\"é"));
        assert_eq!(
            script.json().expose(),
            r#"{"script_name":"s","script_key":"k\"é","session_uuid":"U-1","sudo_as_login":"bob"}"#
        );
        let token = session.with_token(&session.set_token(Secret::new("T")), None);
        assert_eq!(
            token.json().expose(),
            r#"{"session_token":"T","reject_if_expired":true,"session_uuid":"U-1","sudo_as_login":"bob"}"#
        );
        let password = Secret::new("p");
        assert_eq!(
            session.sign_in("u", &password, true).json().expose(),
            r#"{"user_login":"u","user_password":"p","auth_token":"123"}"#
        );
        assert_eq!(
            session.sign_in("u", &password, false).json().expose(),
            r#"{"user_login":"u","user_password":"p"}"#
        );
    }

    #[test]
    fn parameters_with_a_token_go_with_it() {
        let session = session(&Options::default());
        let put_together = |token: &Token| Arc::downgrade(&session.with_token(token, None));
        let first = session.set_token(Secret::new("T1"));
        let kept = put_together(&first);
        assert!(kept.upgrade().is_some());
        let second = session.set_token(Secret::new("T2"));
        assert!(kept.upgrade().is_none());
        // A call that has the old one still keeps it for itself, and the other's stay.
        let kept = put_together(&second);
        assert!(put_together(&first).upgrade().is_none());
        assert!(kept.upgrade().is_some());
        // What comes too late replaces nothing.
        assert_eq!(
            session.replace_token(first.generation, Secret::new("T3")).generation,
            second.generation
        );
        assert!(kept.upgrade().is_some());
        let third = session.replace_token(second.generation, Secret::new("T3"));
        assert!(kept.upgrade().is_none() && put_together(&third).upgrade().is_some());
    }

    #[test]
    fn parameters_are_put_together_once_for_each_token() {
        let session = session(&Options::default());
        let first = session.set_token(Secret::new("T1"));
        let once = session.with_token(&first, None);
        assert!(Arc::ptr_eq(&once, &session.with_token(&first, None)));
        let second = session.set_token(Secret::new("T2"));
        let (other, again) = (session.with_token(&second, None), session.with_token(&first, None));
        assert_eq!(other.json().expose(), r#"{"session_token":"T2","reject_if_expired":true}"#);
        assert_eq!(again.json().expose(), once.json().expose());
        // An older site is not asked for what it does not know.
        let info = SiteInfo::read(Document::parse(br#"{"version":[5,4,3]}"#.to_vec()).unwrap()).unwrap();
        assert_eq!(session.with_token(&first, Some(&info)).json().expose(), r#"{"session_token":"T1"}"#);
    }
}
