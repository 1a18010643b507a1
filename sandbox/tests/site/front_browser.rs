//! A browser without a window, made for these tests: cookies and forms, and no more.

use std::collections::BTreeMap;

use shotgrid_sandbox::Sandbox;
use ureq::Agent;

/// What a request for a page was answered.
pub struct Page {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub text: String,
}

impl Page {
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// The `Set-Cookie` of this cookie.
    pub fn set_cookie(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .filter(|(known, _)| known == "set-cookie")
            .map(|(_, value)| value.as_str())
            .find(|value| value.starts_with(&format!("{name}=")))
    }

    /// Says what is wrong where the page lacks a text.
    #[track_caller]
    pub fn has(&self, text: &str) -> &Self {
        assert!(self.text.contains(text), "no {text:?} in\n{}", self.text);
        self
    }

    #[track_caller]
    pub fn lacks(&self, text: &str) -> &Self {
        assert!(!self.text.contains(text), "{text:?} in\n{}", self.text);
        self
    }

    #[track_caller]
    pub fn is(&self, status: u16) -> &Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// What its forms must bring along.
    pub fn form_token(&self) -> &str {
        between(&self.text, "name=\"form_token\" value=\"", "\"").unwrap_or_default()
    }

    /// The key that it shows.
    pub fn key(&self) -> &str {
        between(&self.text, "id=\"application-key\">", "</code>").unwrap_or_default()
    }

    /// The table's rows, each as its text.
    pub fn rows(&self) -> Vec<&str> {
        let body = between(&self.text, "<tbody>", "</tbody>").unwrap_or_default();
        body.split("<tr>").skip(1).collect()
    }
}

pub fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(found, _)| found)
}

/// One person's browser. Redirects are shown, not followed.
pub struct Browser {
    agent: Agent,
    url: String,
    pub cookies: BTreeMap<String, String>,
    /// Headers sent with every request.
    pub headers: Vec<(String, String)>,
}

impl Browser {
    pub fn new(site: &Sandbox) -> Self {
        let config = Agent::config_builder().max_redirects(0).http_status_as_error(false).build();
        Self {
            agent: config.into(),
            url: site.url().to_owned(),
            cookies: BTreeMap::new(),
            headers: Vec::new(),
        }
    }

    /// A browser in which the first person with a role has signed in.
    pub fn signed_in(site: &Sandbox, role: &str) -> Self {
        let person = site.person(role).unwrap();
        let mut browser = Self::new(site);
        browser.sign_in(&person.login, &person.password).is(303);
        browser
    }

    pub fn sign_in(&mut self, login: &str, password: &str) -> Page {
        self.submit("/user/login", "/user/login", &[("login", login), ("password", password)])
    }

    pub fn get(&mut self, path: &str) -> Page {
        self.send(path, None)
    }

    /// Sends a form as it is given.
    pub fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Page {
        self.send(path, Some(form))
    }

    /// Opens the page that has a form, and sends the form.
    #[track_caller]
    pub fn submit(&mut self, page: &str, path: &str, form: &[(&str, &str)]) -> Page {
        let shown = self.get(page);
        let token = shown.form_token().to_owned();
        assert!(!token.is_empty(), "no form on {page}:\n{}", shown.text);
        let mut form = form.to_vec();
        form.push(("form_token", &token));
        self.post(path, &form)
    }

    fn send(&mut self, path: &str, form: Option<&[(&str, &str)]>) -> Page {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let url = format!("{}{path}", self.url);
        let headers = [("cookie".to_owned(), cookies.join("; "))].into_iter().chain(self.headers.clone());
        let mut answer = match form {
            None => headers
                .fold(self.agent.get(url), |request, (name, value)| request.header(name, value))
                .call(),
            Some(form) => headers
                .fold(self.agent.post(url), |request, (name, value)| request.header(name, value))
                .send_form(form.iter().copied()),
        }
        .unwrap();
        let page = Page {
            status: answer.status().as_u16(),
            headers: answer
                .headers()
                .iter()
                .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
                .collect(),
            text: answer.body_mut().read_to_string().unwrap(),
        };
        for (_, cookie) in page.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (name, rest) = cookie.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            if rest.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        page
    }
}
