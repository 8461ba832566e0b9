using Clustron;
using Clustron.Caching;
using Microsoft.Extensions.Caching.Distributed;
using Microsoft.Extensions.Caching.Hybrid;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Clustron's caches as services, over the client that <c>AddClustron</c> adds.</summary>
public static class ClustronCachingServiceCollectionExtensions
{
    /// <summary>Adds <see cref="ClustronCache"/> as <see cref="IDistributedCache"/>, in place of another one.</summary>
    public static IServiceCollection AddClustronCache(this IServiceCollection services, Action<ClustronCacheOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddClustron();
        services.AddOptions<ClustronCacheOptions>();
        if (configure is not null) services.Configure(configure);
        services.TryAddSingleton<ClustronCache>();
        return services.Replace(ServiceDescriptor.Singleton<IDistributedCache>(provider => provider.GetRequiredService<ClustronCache>()));
    }

    /// <summary>
    /// Adds <see cref="ClustronHybridCache"/> as <see cref="HybridCache"/>, in place of another one. Serializers that are registered
    /// (<see cref="IHybridCacheSerializer{T}"/>, <see cref="IHybridCacheSerializerFactory"/>) are used.
    /// </summary>
    public static IServiceCollection AddClustronHybridCache(this IServiceCollection services, Action<ClustronHybridCacheOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddClustron();
        services.AddOptions<ClustronHybridCacheOptions>();
        if (configure is not null) services.Configure(configure);
        services.TryAddSingleton(provider => new ClustronHybridCache(
            provider.GetRequiredService<ClustronClient>(), provider.GetRequiredService<IOptions<ClustronHybridCacheOptions>>(),
            provider.GetService<ILogger<ClustronHybridCache>>() ?? NullLogger<ClustronHybridCache>.Instance, provider));
        return services.Replace(ServiceDescriptor.Singleton<HybridCache>(provider => provider.GetRequiredService<ClustronHybridCache>()));
    }
}
