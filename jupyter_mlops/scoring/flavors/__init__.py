"""Model libraries: each module opens the files of one without MLflow."""
