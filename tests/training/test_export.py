import subprocess
import sys

import joblib
import numpy as np

from classifier.training.export import export_joblib
from classifier.training.features import stock_vectorizers

TEXTS = ["A war with Azerbaijan is inevitable.", "Поезда снова ходят.", "", "İ Σ"]


def test_the_file_works_without_our_code(small_model, tmp_path):
    path = tmp_path / "deep" / "model.joblib"
    export_joblib(small_model, path)
    program = (
        f"import joblib, json, sys; p = joblib.load({str(path)!r}); "
        f"print(json.dumps([p.predict_proba({TEXTS!r}).tolist(), p.predict({TEXTS!r}).tolist(), "
        "'classifier' in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True)
    import json

    probabilities, predictions, ours = json.loads(done.stdout)
    assert not ours
    np.testing.assert_allclose(probabilities, small_model.predict_proba(TEXTS), rtol=0, atol=1e-5)
    assert np.array_equal(np.array(predictions), small_model.predict_proba(TEXTS) > 0.5)
    assert joblib.load(path).steps[1][1].estimators_[0].coef_.shape == (1, len(small_model.coef_))


def test_columns_are_in_taxonomy_order(small_model):
    words, chars = stock_vectorizers(small_model.word_features, small_model.char_features, small_model.idf_)
    assert list(words.get_feature_names_out()) == list(small_model.word_features)
    assert list(chars.get_feature_names_out()) == list(small_model.char_features)
