"""Labels of the metrics of a run. Doesn't depend on recipe names."""

from __future__ import annotations

from ui.languages import N_, _

SPEED = "images_per_second"  # also of points
NAMES = {
    "generator/loss": N_("Generator"),
    "discriminator/loss": N_("Discriminator"),
    "discriminator/real": N_("Discriminator, real data"),
    "discriminator/fake": N_("Discriminator, samples"),
    "penalty/loss": N_("Penalty"),
    "score/real": N_("real images"),
    "score/fake_before": N_("samples, before the D update"),
    "score/fake_after": N_("samples, after the D update"),
    "accuracy": N_("Accuracy"),
    "gradient_norm/generator": N_("Generator"),
    "gradient_norm/discriminator": N_("Discriminator"),
    "gradient_norm/penalty": N_("Penalty"),
    "rate/generator": N_("Generator"),
    "rate/discriminator": N_("Discriminator"),
    SPEED: N_("images/s"),
    "features/loss": N_("Classifier"),
    "features/cross_entropy": N_("Cross-entropy"),
    "gradient_norm/features": N_("Classifier"),
    "rate/features": N_("Classifier"),
    "vae/loss": N_("VAE"),
    "vae/reconstruction": N_("Reconstruction"),
    "vae/kl": N_("KL of the latents"),
    "gradient_norm/vae": N_("VAE"),
    "rate/vae": N_("VAE"),
    "denoiser/loss": N_("Denoiser"),
    "gradient_norm/denoiser": N_("Denoiser"),
    "rate/denoiser": N_("Denoiser"),
    "path_length/loss": N_("Path length"),
    "gradient_norm/path_length": N_("Path length"),
    "path_length": N_("Path length"),
    "class_accuracy": N_("Classes"),
    "code_accuracy": N_("Codes"),
    "generator/adversarial": N_("Adversarial"),
    "generator/adversarial_a": N_("Adversarial, a"),
    "generator/adversarial_b": N_("Adversarial, b"),
    "generator/l1": N_("L1"),
    "generator/content": N_("Content"),
    "generator/features": N_("Features"),
    "generator/cycle_a": N_("Cycle, a"),
    "generator/cycle_b": N_("Cycle, b"),
    "generator/identity_a": N_("Identity, a"),
    "generator/identity_b": N_("Identity, b"),
    "generator/cycle": N_("Cycle"),
    "generator/class": N_("Class"),
    "generator/encoder": N_("Encoder"),
    "generator/pulling_away": N_("Pulling-away"),
    "generator/adversarial_rebuilt": N_("Adversarial, reconstructed"),
    "generator/adversarial_encoded": N_("Adversarial, latent of the target"),
    "generator/adversarial_random": N_("Adversarial, random latent"),
    "generator/likeness": N_("Likeness of the reconstruction"),
    "generator/reconstruction": N_("Reconstruction"),
    "generator/latent": N_("Recovered latent"),
    "generator/kl": N_("KL of the latents"),
    "encoder/loss": N_("Encoder"),
    "gradient_norm/encoder": N_("Encoder"),
    "rate/encoder": N_("Encoder"),
    "convergence": N_("Convergence M"),
    "balance": N_("Balance k"),
    "generator/contrast": N_("Contrastive"),
    "generator/contrast_identity": N_("Contrastive, identity"),
    "generator/category": N_("Category"),
    "generator/value": N_("Value"),
    "generator/orthogonality": N_("Orthogonal regularisation"),
    "generator/reward": N_("Reward"),
    "generator/rules": N_("Broken rules"),
    "generator/words": N_("Match with the sentence"),
    "generator/matching": N_("Feature matching"),
    "generator/feature_matching": N_("Feature matching"),
    "generator/image_a": N_("Image, a"),
    "generator/image_b": N_("Image, b"),
    "generator/content_a": N_("Content, a"),
    "generator/content_b": N_("Content, b"),
    "generator/style_a": N_("Style, a"),
    "generator/style_b": N_("Style, b"),
    "clip/loss": N_("Image and text encoders"),
    "gradient_norm/clip": N_("Image and text encoders"),
    "rate/clip": N_("Image and text encoders"),
    "adaptation/loss": N_("Domain adaptation"),
    "gradient_norm/adaptation": N_("Domain adaptation"),
    "rate/adaptation": N_("Domain adaptation"),
    "policy/loss": N_("Policy"),
    "gradient_norm/policy": N_("Policy"),
    "rate/policy": N_("Policy"),
    "warm_up/loss": N_("Warm-up"),
    "gradient_norm/warm_up": N_("Warm-up"),
    "held_out_l1": N_("L1 to the ground truth"),
    "psnr": N_("PSNR"),
    "psnr_bicubic": N_("PSNR of bicubic"),
    "ssim": N_("SSIM"),
    "ssim_bicubic": N_("SSIM of bicubic"),
    "pool_age": N_("mean"),
    "pool_oldest": N_("oldest"),
    "augment_probability": N_("Augmentation probability"),
    "modes/covered": N_("Modes covered"),
    "modes/near": N_("Samples close to a mode"),
    "data_reached": N_("Data covered by the samples"),
    "variety": N_("Diversity of the samples"),
    "judged/formed": N_("Well-formed texts"),
    "judged/right": N_("Right equations"),
    "judged/nll_oracle": N_("NLL by the oracle"),
    "judged/in_key": N_("Notes in the key"),
    "judged/crossings": N_("Voice crossings"),
    "judged/parallel_fifths": N_("Parallel fifths"),
    "likelihood/loss": N_("Maximum likelihood"),
    "gradient_norm/likelihood": N_("Maximum likelihood"),
    "temperature": N_("Temperature"),
    "molecules/valid": N_("valid"),
    "molecules/unique": N_("different, of the valid ones"),
    "molecules/novel": N_("new, of the different ones"),
    "separated": N_("Pairs in the right order"),
    "samples/distance": N_("Distance to real images"),
    "samples/precision": N_("Samples close to real images"),
    "samples/coverage": N_("Real images with a sample nearby"),
    "samples/twins": N_("Samples with a near-duplicate"),
    "samples/novelty": N_("Distance to training images"),
    "classes/missing": N_("Classes without samples"),
    "labels/obeyed": N_("Samples of the requested class"),
    "labels/obeyed_real": N_("Real images of their class"),
    "cue": N_("Separated by trivial statistics"),
    "luminance_kept": N_("Correlation of brightness"),
    "data/scale": N_("Standard deviation of the data"),
    "data/offset": N_("Mean of the data"),
    "distance/kl": "KL",
    "distance/js": "JS",
    "distance/sliced": N_("Sliced Wasserstein distance"),
    "distance/kl_floor": N_("KL of real points (floor)"),
    "distance/js_floor": N_("JS of real points (floor)"),
    "distance/sliced_floor": N_("of real points (floor)"),
    "schedule/resolution": N_("Resolution"),
    "schedule/alpha": N_("Weight of the new level"),
}
OF_POINTS = {"score/real": N_("real points"), SPEED: N_("points/s")}  # labels that differ for points


def metric_name(name: str, points: bool = False) -> str:
    """Returns the label of a metric in the visitor's language."""
    if points and name in OF_POINTS:
        return _(OF_POINTS[name])
    if name in NAMES:
        return _(NAMES[name])
    of_any_size, _mark, size = name.rpartition("_")
    if of_any_size in NAMES and size.isdecimal():  # a pyramid of networks has a term for each size
        return _("{name}, {size} px").format(name=metric_name(of_any_size), size=size)
    phase, _slash, term = name.partition("/")
    if f"{phase}/loss" in NAMES:
        return _("{name}: {value}").format(name=metric_name(f"{phase}/loss"), value=term.replace("_", " "))
    return name.replace("/", " / ").replace("_", " ")


def metric_phrase(name: str) -> str:
    """Returns a metric by its kind and network, for use in a sentence: Discriminator loss."""
    kind, _slash, phase = name.partition("/")
    if kind == "gradient_norm":
        return _("{network} gradient norm").format(network=metric_name(name))
    if phase == "loss":
        return _("{network} loss").format(network=metric_name(name))
    return metric_name(name)
