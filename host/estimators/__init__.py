"""The machine as an object of Python: estimators in scikit-learn's conventions, for notebooks and pipelines."""
