"""Test `bai-kit deploy` and `undeploy` as command lines."""


def test_without_a_kubernetes_a_deploy_says_so(run, tmp_path):
    code, _, err = run("deploy", "--kubeconfig", str(tmp_path / "none"))
    assert code == 3
    assert err.startswith("error: ")
    assert "hint: " in err


def test_without_helm_a_deploy_says_where_to_get_it(run, monkeypatch):
    monkeypatch.setenv("BAI_KIT_HELM", "no-helm-of-this-name")
    code, _, err = run("deploy")
    assert code == 3
    assert "cannot run Helm" in err
