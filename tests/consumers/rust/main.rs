//! The same as main.c by the Rust library.

use shotgrid::client::{Client, Credentials, Options, Secret};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let setting = |name: &str| std::env::var(name);
    let script = Credentials::Script {
        name: setting("SG_TEST_SCRIPT_NAME")?,
        api_key: Secret::new(setting("SG_TEST_API_KEY")?),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let found = runtime.block_on(async {
        let client = Client::connect(&setting("SG_TEST_URL")?, script, Options::default()).await?;
        let shots = client.call("find", r#"["Shot", [], ["code"]]"#).await?;
        Ok::<_, Box<dyn std::error::Error>>(shots.root().count() > 0)
    })?;
    println!("libshotgrid {} found {} shots", std::env::var("SG_TEST_VERSION")?, if found { "some" } else { "no" });
    Ok(())
}
