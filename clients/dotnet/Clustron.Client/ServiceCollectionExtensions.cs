using Clustron;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using StackExchange.Redis;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Clustron as a service.</summary>
public static class ClustronServiceCollectionExtensions
{
    /// <summary>
    /// Adds <see cref="ClustronClient"/> and its parts (<see cref="Locks"/>, <see cref="Leases"/>, <see cref="KeyValueStore"/> …) as singletons,
    /// over an <see cref="IConnectionMultiplexer"/> that is registered already, or over one of its own.
    /// </summary>
    public static IServiceCollection AddClustron(this IServiceCollection services, Action<ClustronOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddOptions<ClustronOptions>();
        if (configure is not null) services.Configure(configure);
        services.TryAddSingleton(CreateClient);
        Add(services, client => client.KeyValue);
        Add(services, client => client.Counters);
        Add(services, client => client.Leases);
        Add(services, client => client.Locks);
        Add(services, client => client.Elections);
        Add(services, client => client.Transactions);
        Add(services, client => client.Once);
        Add(services, client => client.Watch);
        Add(services, client => client.Indexes);
        return services;
    }

    /// <inheritdoc cref="AddClustron(IServiceCollection, Action{ClustronOptions})"/>
    public static IServiceCollection AddClustron(this IServiceCollection services, string configuration) =>
        services.AddClustron(options => options.Configuration = configuration);

    private static void Add<T>(IServiceCollection services, Func<ClustronClient, T> part) where T : class =>
        services.TryAddSingleton(provider => part(provider.GetRequiredService<ClustronClient>()));

    private static ClustronClient CreateClient(IServiceProvider provider)
    {
        ClustronOptions options = provider.GetRequiredService<IOptions<ClustronOptions>>().Value;
        if (provider.GetService<ILoggerFactory>() is { } loggers) options.LoggerFactory = loggers;
        if (options.Configuration is null && options.ConfigurationOptions is null && provider.GetService<IConnectionMultiplexer>() is { } multiplexer)
            return new ClustronClient(multiplexer, options);
        return ClustronClient.Connect(options);
    }
}
