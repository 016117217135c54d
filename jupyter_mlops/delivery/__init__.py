"""From a model to a service: models, manifests, images, services."""
